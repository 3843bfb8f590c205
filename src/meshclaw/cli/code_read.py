"""Reading repositories for ``meshclaw code``: one with all cores, several beside one another, with progress."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from meshclaw.changes.linking import Place, link_all
from meshclaw.changes.reading import Kept, Options, decoded, read, read_or_fail
from meshclaw.changes.report import Failed, Report, Spend
from meshclaw.cli import screen
from meshclaw.cli.main import tell_error
from meshclaw.errors import MeshClawError, Operational
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.settings.home import home

SHOWN_EVERY_S = 0.2
SURE_AFTER_S = 3.0
"""Before that, how long it will take is anybody's guess."""

Many = list[tuple[Path, Kept]]
Say = Callable[[str], None]


def one(path: Path, options: Options) -> Kept:
    with _line() as say:
        began = time.monotonic()
        say(f"Reading {path}")
        return read(
            path,
            options,
            lambda done, total: say(
                f"Reading {path}: {done:,} of {total:,} changes{left(began, done, total)}"
            ),
        )


def several(paths: Sequence[Path], options: Options) -> tuple[Many, list[Failed]]:
    """Each in a process of its own; one that cannot be read is named, and the rest is read.

    A repository that was named in two ways is one.
    """
    sizes = {path: _size(path) for path in paths}
    ordered = sorted(paths, key=lambda path: -sizes[path])  # the longest first: none is waited for at the end
    workers = min(options.processes, len(paths))
    options = msgspec.structs.replace(options, processes=max(1, options.processes // workers))
    found: dict[Path, Kept | Failed] = {}
    began, done, total = time.monotonic(), 0, sum(sizes.values())
    context = multiprocessing.get_context("spawn")
    with _line() as say, ProcessPoolExecutor(workers, context, _end_quietly) as pool:
        waiting: dict[Future[bytes | Failed], Path] = {
            pool.submit(read_or_fail, path, options): path for path in ordered
        }
        try:
            for job in as_completed(waiting):
                result = job.result()
                found[waiting[job]] = result if isinstance(result, Failed) else decoded(result)
                done += sizes[waiting[job]]
                say(f"Read {len(found):,} of {len(paths):,} repositories{left(began, done, total)}")
        except BrokenProcessPool as error:
            raise Operational(
                "a process that read a repository was ended by the system, perhaps for want of memory",
                fix="Run it again with --jobs 1: it goes on where it was.",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    kept = {one.folder: (path, one) for path in paths if isinstance(one := found[path], Kept)}
    return list(kept.values()), [one for path in paths if isinstance(one := found[path], Failed)]


def _end_quietly() -> None:
    """When the person stops the command, which tells them enough."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _size(path: Path) -> int:
    """Bytes of its packs: what there is to read, near enough to say how long it will take."""
    folders = (path / ".git" / "objects" / "pack", path / "objects" / "pack")
    try:
        return 1 + sum(pack.stat().st_size for folder in folders for pack in folder.glob("*.pack"))
    except OSError:
        return 1


def left(began: float, done: int, total: int) -> str:
    """As long as the rest takes at the pace so far; nothing where that is too early to say."""
    spent = time.monotonic() - began
    if spent < SURE_AFTER_S or not done or done >= total:
        return ""
    seconds = spent * (total - done) / done
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"


@contextmanager
def _line() -> Generator[Say]:
    """One line on a terminal that goes when the block ends; silent in a pipe."""
    shown_at = 0.0

    def say(text: str) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at > SHOWN_EVERY_S:
            shown_at = time.monotonic()
            click.echo(f"\r{text} ...\x1b[K", err=True, nl=False)

    yield say if sys.stderr.isatty() else lambda _text: None
    if shown_at:
        click.echo("\r\x1b[K", err=True, nl=False)


def with_spend(report: Report, kept: Many) -> Report:
    """Where the usage of AI tools was read on this machine: what the sessions that made the changes had cost."""
    path = home() / "usage.db"
    if not path.exists():
        return report
    try:
        return msgspec.structs.replace(report, spend=_spend(path, kept))
    except MeshClawError as error:
        tell_error(error)
        screen.words("So the report does not say what the work had cost.")
        return report


def _spend(usage: Path, kept: Many) -> Spend | None:
    store = UsageStore(usage)
    try:
        places = {
            one.folder: Place(path=where, folder=one.folder, landing=one.landing) for where, one in kept
        }
        return link_all(store, list(places.values()))
    finally:
        store.close()
