"""What people and programs see: data on stdout, words on stderr, colour only where a terminal shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from meshclaw.outcomes.count import Share

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
dry_run = click.option("--dry-run", is_flag=True, help="Show what would happen and do nothing.")


def data(value: object) -> None:
    """JSON on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def line(value: object) -> None:
    """One JSON object on one line of stdout, seen at once by whoever reads the pipe."""
    click.echo(msgspec.json.encode(value))
    sys.stdout.flush()


def words(text: str) -> None:
    click.echo(text, err=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table for a terminal, plain columns in a pipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [[clean(cell) for cell in row] for row in rows]
    if not shown:
        words(empty)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in shown:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def clean(text: str) -> str:
    """Without control and escape characters: subjects come from strangers."""
    return "".join(character if character.isprintable() else " " for character in text)


def share(of: Share) -> str:
    """With its interval; a dash where nothing was counted."""
    if of.share is None:
        return "-"
    return f"{of.count} ({of.share:.0%}, {of.low:.0%} to {of.high:.0%})"


def short(run: str) -> str:
    """The end of an id is its random part: enough to type."""
    return run[-8:]


def when(ts: str) -> str:
    """A stored UTC time in the person's own zone, to the minute."""
    from datetime import datetime

    return datetime.fromisoformat(ts).astimezone().strftime("%Y-%m-%d %H:%M")
