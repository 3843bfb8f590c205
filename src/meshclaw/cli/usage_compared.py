"""``meshclaw usage reconcile`` and ``intents``: what different witnesses say of the same work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.cli.using import using
from meshclaw.usage import reconcile as reconciling
from meshclaw.usage.intents import Agreement
from meshclaw.usage.purposes import Purpose, purposes
from meshclaw.usage.reconcile import EVIDENCES, Line, Part, Seen

MOST_SHOWN = 20
"""Calls whose sources differ, told one by one to a person."""
FOREVER = 2**62
in_last = click.option(
    "--last", "days", type=click.IntRange(1, 36_500), default=30, show_default=True, metavar="DAYS",
    help="Today and the days before it, together so many; UTC.",
)  # fmt: skip


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """A call of which its sources do not say the same."""

    tool: str
    key: str
    at: int
    sources: list[str]
    """The one that counts first."""
    differs: tuple[str, ...]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    calls: dict[str, int]
    """By the kinds of evidence that saw them: ``transcript+telemetry``."""
    differing: list[Differing]
    days: list[Line]
    flagged: int
    """Days and models of which two kinds of evidence are more than 2 % apart."""


@click.command("reconcile")
@in_last
@screen.as_json
def reconcile(days: int, as_json: bool) -> None:
    """Whether transcripts, telemetry and invoices say the same, by day and model; more than 2 % apart is flagged.

    A call that several sources saw is one call. The transcript counts, then telemetry; nothing is averaged.
    """
    compared = _compared(days)
    if as_json:
        screen.data(compared)
        return
    screen.table(
        ("DAY", "MODEL", *(evidence.upper() for evidence in EVIDENCES), "APART", ""),
        [
            (
                line.day, line.model, *(_amount(line.by.get(evidence)) for evidence in EVIDENCES),
                "" if line.difference is None else f"{line.difference:.1%}", "!" if line.is_flagged else "",
            )
            for line in compared.days
        ],
        empty=f"Nothing of the last {days} days is known: meshclaw usage sources",
    )  # fmt: skip
    for seen_by, count in compared.calls.items():
        click.echo(f"{count:,} calls seen by {seen_by.replace('+', ' and ')}")
    for one in compared.differing[:MOST_SHOWN]:
        said = screen.clean(
            f"{one.tool} {one.key}: {' and '.join(one.sources)} differ in {', '.join(one.differs)}"
        )
        click.echo(said)
    if (more := len(compared.differing) - MOST_SHOWN) > 0:
        click.echo(f"... and {more:,} more calls whose sources differ: --json has all of them")


def _compared(days: int) -> Compared:
    with using() as opened:
        opened.refresh()
        found = reconciling.reconcile(usage for usage, _ in opened.store.calls(_since(days), FOREVER))
        lines = reconciling.days(found, opened.price)
    calls: dict[str, int] = {}
    for seen in found.calls:
        name = "+".join(seen.evidence)
        calls[name] = calls.get(name, 0) + 1
    return Compared(
        calls=calls, days=lines, flagged=sum(line.is_flagged for line in lines),
        differing=[_differing(seen) for seen in found.calls if seen.differs],
    )  # fmt: skip


def _differing(seen: Seen) -> Differing:
    sources = [f"{usage.evidence} of {usage.tool}" for usage in (seen.best, *seen.others)]
    best = seen.best
    return Differing(tool=best.tool, key=best.key, at=best.at, sources=sources, differs=seen.differs)


def _since(days: int) -> int:
    """Start of the first day, in Unix milliseconds."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((today - timedelta(days=days - 1)).timestamp() * 1000)


def _amount(part: Part | None) -> str:
    if part is None:
        return ""
    own = "" if part.reported_micros is None else f" (says {_dollars(part.reported_micros)})"
    return f"{_dollars(part.list_micros)}{own}"


def _dollars(micros: int) -> str:
    return f"${micros / 1_000_000:,.2f}"


# -- intents -----------------------------------------------------------------------------


@click.command("intents")
@in_last
@screen.as_json
def intents(days: int, as_json: bool) -> None:
    """What the work was for: as declared, as inferred from tools and files, and how well the two agree.

    Declared by an environment variable, a tag or a branch; nobody's prompt is read to infer the rest.
    """
    with using() as opened:
        opened.refresh()
        found = purposes(opened.store.work(_since(days), FOREVER))
    if as_json:
        screen.data(found)
        return
    for title, lines in (("DECLARED", found.declared), ("INFERRED", found.inferred)):
        screen.table(
            (title, "CALLS", "COST", "BY"), [_row(line) for line in lines],
            empty=f"Nothing of the last {days} days is known: meshclaw usage sources",
        )  # fmt: skip
        click.echo()
    click.echo(_told(found.agreement))


def _row(line: Purpose) -> tuple[str, ...]:
    return line.name, f"{line.calls:,}", _dollars(line.cost_usd_micros), "; ".join(line.evidence)


def _told(found: Agreement) -> str:
    if not found.compared:
        return "No call has a declared intent that says a kind of work, so there is nothing to compare."
    kappa = "none: chance alone explains it" if found.kappa is None else f"{found.kappa:.2f}"
    return f"Of {found.compared:,} calls with both, {found.agreeing:,} agree; Cohen's kappa {kappa}."
