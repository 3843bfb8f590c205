"""Opening the usage store and reading what is new into it: what every ``meshclaw usage`` command begins with."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from meshclaw.errors import NotFound, UserError
from meshclaw.flow.event.usage import UsageImported
from meshclaw.flow.usage import Unread, Usage
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.llm.prices import price_of
from meshclaw.readers.all import OTLP, READERS
from meshclaw.readers.base import Reader
from meshclaw.readers.places import roots
from meshclaw.settings.home import home
from meshclaw.sqlite import MEMORY
from meshclaw.usage.importing import Imported, Importer, Progress
from meshclaw.usage.labels import judge_of, placed, version
from meshclaw.usage.overview import Looked
from meshclaw.usage.received import heard, receive

if TYPE_CHECKING:
    from meshclaw.llm.sheet import Sheet

PRICES = "prices.toml"
"""The company's own price sheet, in the state folder."""
SHOWN_EVERY_S = 0.1


class Using:
    """``root``: a folder that is read as somebody's home, into a store that goes with this command."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._home = root or Path.home()
        self._environ: Mapping[str, str] = {} if root else os.environ
        own = None if root else _own_prices()
        self._sheet = own
        self.store = UsageStore(MEMORY if root else home() / "usage.db")
        cells = placed(self.store.links())
        self._version = version(own, cells)
        self._judge = judge_of(READERS, own, cells)
        self._importer = Importer(self.store, READERS, self._judge)

    def refresh(self) -> Imported:
        """Read what is new on the machine. New prices reach every call, also those of before."""
        self.store.judge_again(self._version, self._judge)
        return self._told(lambda progress: self._importer.machine(self._home, self._environ, progress))

    def read(self, tool: str, paths: Iterable[Path]) -> Imported:
        """Read files that a person named."""
        reader = next((reader for reader in READERS if reader.source.tool == tool), None)
        if reader is None:
            names = ", ".join(reader.source.tool for reader in READERS)
            raise NotFound(f"there is no reader for {tool!r}", fix=f"One of: {names}")
        self.store.judge_again(self._version, self._judge)
        return self._told(lambda progress: self._importer.named(reader, paths, progress))

    def read_log(self, connection: str) -> Imported:
        """Read what is new in LiteLLM's own database; ``connection`` as libpq takes it."""
        from meshclaw.usage.spend_log import read_new

        self.store.judge_again(self._version, self._judge)
        return self._told(
            lambda progress: read_new(self._importer, connection, lambda rows: progress(rows, 0))
        )

    def _told(self, read: Callable[[Progress], Imported]) -> Imported:
        """One event an import, also for one that was killed before it could be told."""
        self._tell()
        with _progress() as progress:
            imported = read(progress)
        self._tell()
        self._recount()
        return imported

    def price(self, usage: Usage) -> int:
        """Micro-dollars by the list and the company's sheet."""
        return price_of(usage, self._sheet).micros

    def receive(self, found: Sequence[Usage | Unread]) -> None:
        """Store what a tool sent; all of it is there when this returns."""
        receive(self._importer, found)

    def settle(self) -> None:
        """After the last of what was received."""
        self._tell()
        self._recount()

    def _recount(self) -> None:
        """Where calls are new, one recording of each is to count."""
        if self.store.touched:
            from meshclaw.usage.reconcile import recount

            recount(self.store)

    def _tell(self) -> None:
        untold = self._importer.untold()
        if untold is None or self._root:
            return
        from meshclaw.ledger.ledger import Ledger

        ledger = Ledger(home())
        try:
            ledger.record(UsageImported(**msgspec.structs.asdict(untold)))
            ledger.sign_head()
        finally:
            ledger.close()
        self._importer.told()

    def looked(self) -> list[Looked]:
        """Every tool there is a reader for, those with calls first."""
        calls, files = self.store.by("tool"), self.store.files_by_tool()
        found = [
            self._looked(
                reader,
                calls[reader.source.tool].calls if reader.source.tool in calls else 0,
                files.get(reader.source.tool, 0),
            )
            for reader in READERS
        ]
        found.sort(key=lambda one: (not one.calls, not one.found))
        return [*found, self._telemetry()]

    def _telemetry(self) -> Looked:
        """What tools sent, which is no file anywhere."""
        senders = heard(self.store)
        return Looked(
            tool=OTLP.tool, evidence=OTLP.evidence, folders=[], found=[], files=0, grain=OTLP.grain,
            calls=sum(sender.usages for sender in senders.values()), confidence=OTLP.confidence,
            includes=OTLP.includes, heard=senders,
        )  # fmt: skip

    def _looked(self, reader: Reader, calls: int, files: int) -> Looked:
        source = reader.source
        folders = roots(source, self._home, self._environ)
        return Looked(
            tool=source.tool, evidence=source.evidence, folders=[str(folder) for folder in folders],
            found=[str(folder) for folder in folders if folder.is_dir()], files=files, calls=calls,
            grain=source.grain, confidence=source.confidence, includes=source.includes,
        )  # fmt: skip


def _own_prices() -> Sheet | None:
    path = home() / PRICES
    if not path.exists():
        return None
    from meshclaw.llm.sheet import load

    return load(path)


@contextmanager
def using(root: Path | None = None) -> Generator[Using]:
    if root is not None and not root.is_dir():
        raise UserError(
            f"{str(root)!r} is no folder", fix="Name the home folder that the tools' folders lie in."
        )
    opened = Using(root)
    try:
        yield opened
    finally:
        opened.store.close()


@contextmanager
def _progress() -> Generator[Progress]:
    """One line on a terminal that goes when the block ends; silent in a pipe."""
    shown_at = 0.0

    def show(done: int, size: int) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at > SHOWN_EVERY_S:
            shown_at = time.monotonic()
            amount = f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB" if size else f"{done:,} rows"
            click.echo(f"\rReading {amount} ...\x1b[K", err=True, nl=False)

    is_terminal = sys.stderr.isatty()
    yield show if is_terminal else lambda _done, _size: None
    if shown_at:
        click.echo("\r\x1b[K", err=True, nl=False)
