"""``meshclaw ledger``: verify, tail, export, show."""

from __future__ import annotations

import sys
import time
from typing import cast

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.flow.event.base import Event
from meshclaw.ledger.ledger import Stored, kind_of
from meshclaw.wiring import open_claw

POLL_S = 0.5


@click.group("ledger")
def command() -> None:
    """The record of everything the claw did: append-only, hash-chained, signed."""


@command.command()
@screen.as_json
def verify(as_json: bool) -> None:
    """Check every event, its place and every signed head. Exits 1 where one does not fit."""
    with open_claw() as claw:
        verdict = claw.ledger.verify()
    if as_json:
        screen.data(verdict)
    elif verdict.ok:
        click.echo(
            f"{click.style('Verified:', fg='green')} {verdict.events:,} events, all in their place and signed."
        )
    else:
        click.echo(f"{click.style('Broken:', fg='red', bold=True)} {verdict.reason}.")
        click.echo(
            f"  First bad event: {verdict.first_bad or 'unknown'}; the {verdict.events:,} before it hold."
        )
    sys.exit(0 if verdict.ok else 1)


@command.command()
@click.option("-n", "--number", default=20, show_default=True, help="How many of the last events.")
@click.option("-f", "--follow", is_flag=True, help="Keep printing new events until Ctrl-C.")
@screen.as_json
def tail(number: int, follow: bool, as_json: bool) -> None:
    """Print the last events, oldest first."""
    with open_claw() as claw:
        seen = max(0, claw.ledger.newest() - number)
        while True:
            for stored in claw.ledger.stored(after=seen):
                _print(stored, as_json=as_json)
                seen = stored.seq
            if not follow:
                return
            time.sleep(POLL_S)


@command.command()
@click.option("--run", default=None, help="Only this run's events (the whole id).")
def export(run: str | None) -> None:
    """Print every event as one JSON object a line, with its number and hash."""
    with open_claw() as claw:
        for stored in claw.ledger.stored(run=run):
            screen.line(stored)


@command.command()
@click.argument("id_", metavar="ID")
def show(id_: str) -> None:
    """Print the one event whose id starts with ID."""
    with open_claw() as claw:
        screen.data(claw.ledger.get(id_))


_ENVELOPE = {field.name for field in msgspec.structs.fields(Event)}


def _print(stored: Stored, *, as_json: bool) -> None:
    if as_json:
        screen.line(stored)
        return
    kind = click.style(f"{kind_of(type(stored.event)):<18}", fg="cyan")
    click.echo(f"{stored.seq:>6}  {screen.when(stored.event.ts)}  {kind} {screen.clean(told(stored.event))}")


def told(event: Event) -> str:
    """Its own fields, short, on one line."""
    fields = {k: v for k, v in msgspec.to_builtins(event).items() if k not in _ENVELOPE and k != "kind"}
    return " ".join(
        f"{name}={_brief(value)}" for name, value in fields.items() if value not in ("", None, [], {})
    )


def _brief(value: object) -> str:
    """Enough to recognise it by; ``ledger show`` has the whole."""
    match value:
        case dict():
            fields = cast("dict[str, object]", value)
            return str(fields.get("verb") or ",".join(fields))
        case str() if len(value) >= 32 and " " not in value:
            return value[:12]
        case _:
            return str(value)
