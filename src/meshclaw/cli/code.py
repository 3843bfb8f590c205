"""``meshclaw code``: what became of the lines that people, AI tools and bots wrote."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshclaw.cli import screen
from meshclaw.errors import UserError

if TYPE_CHECKING:
    from meshclaw.changes.reading import Options
    from meshclaw.changes.report import Failed, Report


@click.group("code")
def command() -> None:
    """What became of the lines in a git repository, and who wrote them: people, AI tools, bots.

    Reads the repository's own history, executes nothing of it, and sends nothing anywhere.
    """


@command.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--all-under", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None,
    help="Every repository under this folder.",
)  # fmt: skip
@click.option("--every", is_flag=True, help="Count lock, generated, vendored and such files as well.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Lines born since this day, UTC."
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=None,
    help="Processes at once; as many as there are cores, unless named.",
)
@click.option("--fresh", is_flag=True, help="Read everything again, also what has not changed.")
@screen.as_page
@screen.as_json
def report(
    paths: tuple[Path, ...], all_under: Path | None, every: bool, since: datetime | None, jobs: int | None,
    fresh: bool, html: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """How long lines live, how many are done again or taken back: of AI beside human lines like them.

    What could not be known comes first. Exits 1 where a repository could not be read; the rest is.
    """
    from meshclaw.changes.reading import Options

    options = Options(
        every=every, since=None if since is None else int(since.replace(tzinfo=UTC).timestamp()), fresh=fresh,
        processes=jobs or os.cpu_count() or 1,
    )  # fmt: skip
    found = _read(_named(paths, all_under), options)
    if html is not None:
        from meshclaw.pages import code as pages

        screen.page(pages.page(found), html, force=force)
    if as_json:
        from meshclaw.changes.programs import shape

        screen.data(shape(found))
    elif html is None:
        from meshclaw.cli import code_shown

        code_shown.show(found)
    _tell(found.failed)
    sys.exit(1 if found.failed else 0)


def _named(paths: Sequence[Path], folder: Path | None) -> list[Path]:
    from meshclaw.changes.finding import under

    found = [*paths, *(under(folder) if folder else ())]
    if not found:
        if folder:
            raise UserError(
                f"there is no git repository under {str(folder)!r}", fix="Name a folder that holds some."
            )
        raise click.UsageError("Name a repository, or a folder of them with --all-under.")
    return list(dict.fromkeys(found))


def _read(paths: Sequence[Path], options: Options) -> Report:
    from meshclaw.changes.reporting import report as reported
    from meshclaw.cli import code_read

    kept, failed = (
        ([(paths[0], code_read.one(paths[0], options))], [])
        if len(paths) == 1
        else code_read.several(paths, options)
    )
    found = reported([one.unpacked() for _, one in kept], failed)
    return code_read.with_spend(found, kept)


def _tell(failed: Sequence[Failed]) -> None:
    for one in failed:
        screen.words(f"{click.style('Not read:', fg='red', bold=True)} {screen.clean(one.why)}")
        if one.fix:
            screen.words(f"  {screen.clean(one.fix)}")


@command.command()
@click.argument("repository", metavar="PATH", type=click.Path(path_type=Path))
@click.argument("file")
@screen.as_json
def blame(repository: Path, file: str, as_json: bool) -> None:
    """Whose every line of a file at the head is: the commit that wrote it, and what that commit's origin is.

    Counted along first parents, as the report does. FILE is named from the top of the repository.
    """
    from meshclaw.changes.blaming import blame as blamed

    found = blamed(repository, file)
    if as_json:
        screen.data(found)
        return
    runs = groupby(found.lines, key=lambda line: (line.commit, line.day, line.origin, line.tool))
    screen.table(
        ("LINES", "COMMIT", "DAY", "MADE BY"),
        [
            (_span([line.line for line in lines]), commit[:12], day, f"{origin} {tool}".rstrip())
            for (commit, day, origin, tool), lines in runs
        ],
        empty=f"{screen.clean(file)} has no line.",
    )


def _span(lines: Sequence[int]) -> str:
    return str(lines[0]) if len(lines) == 1 else f"{lines[0]}-{lines[-1]}"
