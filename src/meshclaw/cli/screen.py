"""What people and programs see: data on stdout, words on stderr, colour only where a terminal shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from meshclaw.outcomes.count import Share

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
IN_A_PIPE = 200
"""Columns of a table that no terminal shows."""
dry_run = click.option("--dry-run", is_flag=True, help="Show what would happen and do nothing.")


def as_page(command: Callable[..., None]) -> Callable[..., None]:
    """Adds ``--html FILE`` and ``--force``."""
    html = click.option(
        "--html", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
        help="Write it as a page to FILE, which a browser opens without a network.",
    )  # fmt: skip
    force = click.option("--force", is_flag=True, help="Replace FILE even where it is no page of ours.")
    return html(force(command))


def page(html: str, path: Path, *, force: bool) -> None:
    from meshclaw.pages.file import keep

    keep(html, path, force=force)
    words(f"Written to {path}.")


def data(value: object) -> None:
    """JSON on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def line(value: object) -> None:
    """One JSON object on one line of stdout, seen at once by whoever reads the pipe."""
    click.echo(msgspec.json.encode(value))
    sys.stdout.flush()


def words(text: str) -> None:
    click.echo(text, err=True)


def width() -> int:
    """Columns that a table may take: of the terminal, or many in a pipe."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else IN_A_PIPE


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, numbers: int = 0) -> None:
    """A table for a terminal, plain columns in a pipe. After the first column come ``numbers`` that end on one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [[clean(cell) for cell in row] for row in rows]
    if not shown:
        words(empty)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for at, head in enumerate(heads):
        is_number = 1 <= at <= numbers
        table.add_column(
            head, overflow="fold", justify="right" if is_number else "left", no_wrap=numbers > 0 and at > 0
        )
    for row in shown:
        table.add_row(*(Text(cell) for cell in row))
    Console(width=width(), highlight=False).print(table)


def clean(text: str) -> str:
    """Without control and escape characters: subjects come from strangers."""
    return "".join(character if character.isprintable() else " " for character in text)


def lines(text: str) -> None:
    """What a model or a stranger wrote, line by line, on stdout."""
    for one in text.splitlines():
        click.echo(clean(one))


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
