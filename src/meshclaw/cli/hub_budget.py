"""``meshclaw hub budget``: what units may spend on models, and what is left."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.cli.hub_opened import in_folder, opened
from meshclaw.errors import UserError

MICROS = 1_000_000
MOST = Decimal(9_000_000_000)
"""Dollars: what a number of micro-dollars holds on every way that it takes."""


@click.group("budget")
def budget() -> None:
    """Money for models by unit. Claws lease it in small parts, and stop where nothing is left."""


@budget.command("set")
@click.argument("unit")
@click.option(
    "--hour",
    metavar="DOLLARS",
    help="Breaker: more than this in an hour, and the unit waits for the next one.",
)
@click.option("--day", metavar="DOLLARS", help="In a day, UTC.")
@click.option("--month", metavar="DOLLARS", help="In a month, UTC.")
@click.option("--intent", default="", help="For this declared purpose alone.")
@click.option("--agent", default="", help="For this agent alone.")
@click.option(
    "--soft",
    type=click.IntRange(1, 100),
    default=80,
    show_default=True,
    help="Per cent from which on it warns.",
)
@in_folder
@screen.dry_run
def put(
    unit: str, hour: str | None, day: str | None, month: str | None, intent: str, agent: str, soft: int,
    folder: Path | None, *, dry_run: bool,
) -> None:  # fmt: skip
    """Set what UNIT, with all units in it, may spend. Without any limit the budget is taken away.

    It counts from now on. All budgets that apply have to have room.
    """
    limits = {name: _micros(text) for name, text in (("hour", hour), ("day", day), ("month", month))}
    named = ", ".join(
        f"{_dollars(one)} {'an' if name == 'hour' else 'a'} {name}"
        for name, one in limits.items()
        if one is not None
    )
    if not dry_run:
        with opened(folder) as hub:
            from meshclaw.hub.leases import Budget

            hub.leases.put(Budget(unit=unit, intent=intent, agent=agent, soft=soft, **limits))
    screen.words(f"{'Would be' if dry_run else 'Is'} for {unit}: {named or 'no budget'}.")


@budget.command()
@in_folder
@screen.as_json
def show(folder: Path | None, *, as_json: bool) -> None:
    """Every budget with what is leased or used of it; not for units of fewer than five people."""
    with opened(folder) as hub:
        found = hub.leases.standing()
    if as_json:
        screen.data(found)
        return
    rows = [
        (
            one.budget.unit, one.budget.intent or "every", one.budget.agent or "every", span,
            _dollars(one.granted[span]) if one.granted else "too few people", _dollars(limit),
        )
        for one in found
        for span in ("hour", "day", "month")
        if (limit := getattr(one.budget, span)) is not None
    ]  # fmt: skip
    screen.table(("unit", "intent", "agent", "in a", "gone", "limit"), rows, empty="There is no budget.")


def _micros(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        dollars = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        dollars = Decimal(-1)
    if not dollars.is_finite() or not 0 <= dollars <= MOST or dollars * MICROS % 1:
        raise UserError(f"{text!r} is no amount of dollars", fix="As in: --day 25 or --hour 2.50")
    return int(dollars * MICROS)


def _dollars(micros: int) -> str:
    return f"${micros / MICROS:,.2f}"
