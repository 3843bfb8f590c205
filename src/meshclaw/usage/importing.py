"""Reading what is new in the tools' files into the store."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Unread, Usage
from meshclaw.ledger.usage.contexts import Judge
from meshclaw.ledger.usage.store import FileState, UsageStore
from meshclaw.readers.base import START, Place, Reader
from meshclaw.readers.places import find, printable

TAIL = 4096
"""Bytes before the place that must be the same for reading to go on there."""
PASSING = ("locked", "denied")
"""What may be over at the next import: such a file is tried again though it did not change."""

UNTOLD = "untold"
Progress = Callable[[int, int], None]
"""Bytes read, and bytes there are to read."""
Look = tuple[int, int, int]
"""How a file looks: inode, bytes, time of its last change."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    files: int = 0
    """Files that were new or had changed."""
    read_bytes: int = 0
    calls: int = 0
    """Calls that are new, or fuller than they were."""
    unread: int = 0
    digest: str = ""
    """Of what was stored."""


class Importer:
    def __init__(self, store: UsageStore, readers: Sequence[Reader], judge: Judge) -> None:
        self._store = store
        self._readers = readers
        self._judge = judge
        self._told_of = 0
        """Of the calls that this store wrote."""

    def machine(self, home: Path, environ: Mapping[str, str], progress: Progress | None = None) -> Imported:
        """All that the tools keep in their own folders under ``home``, or where ``environ`` says they do."""
        denied: list[tuple[str, Unread]] = []
        files: list[tuple[Reader, str, os.stat_result]] = []
        for reader in self._readers:
            for found in find(reader.source, home, environ):
                if isinstance(found, Unread):
                    denied.append((reader.source.tool, found))
                else:
                    files.append((reader, *found))
        return self._import(files, denied, progress)

    def named(self, reader: Reader, paths: Iterable[Path], progress: Progress | None = None) -> Imported:
        """Files that a person named."""
        return self._import([(reader, str(path.absolute()), path.stat()) for path in paths], [], progress)

    def _import(
        self,
        files: Iterable[tuple[Reader, str, os.stat_result]],
        denied: Sequence[tuple[str, Unread]],
        progress: Progress | None,
    ) -> Imported:
        known = self._store.files()
        jobs = [job for file in files if (job := _job(*file, known.get(printable(file[1])))) is not None]
        if not jobs and not denied and not self._store.has_passing():
            return Imported()
        with _no_cycles():
            return self._read_all(jobs, denied, progress)

    def _read_all(
        self, jobs: Sequence[Job], denied: Sequence[tuple[str, Unread]], progress: Progress | None
    ) -> Imported:
        size, done, read_bytes, unread = sum(job.size for job in jobs), 0, 0, len(denied)
        with self._store.writing():
            self._store.forget_passing()
            for tool, one in denied:
                self._store.keep_unread(one.path, tool, [one], fresh=True)
            self._store.flush(self._judge)
        self._told_of = self._store.written
        imported, queue = Imported(unread=unread), iter(jobs)
        while done < len(jobs):
            with self._store.writing():
                for job in queue:
                    unread += self._read(job)
                    done, read_bytes = done + 1, read_bytes + job.size
                    if progress:
                        progress(read_bytes, size)
                    if self._store.is_full:
                        break
                imported = self._flush(Imported(files=done, read_bytes=read_bytes, unread=unread))
        return imported

    def received(
        self,
        found: Iterable[Usage | Unread],
        tool: str,
        also: Callable[[UsageStore], None],
        *,
        fresh: bool = False,
    ) -> Imported:
        """What came from elsewhere than a file, in one step: all of it or, where the store is busy, none of it.

        ``also`` stores in the same step what is to be remembered of where it came from. ``fresh``: it says of the
        places that cannot be read all that there is to say.
        """
        with self._store.writing():
            unread = list[Unread]()
            for one in found:
                if isinstance(one, Usage):
                    self._store.add(one, self._judge)
                else:
                    unread.append(one)
            for one in unread:
                self._store.keep_unread(one.path, tool, [one], fresh=fresh)
            also(self._store)
            known = self.untold() or Imported()
            return self._flush(msgspec.structs.replace(known, unread=known.unread + len(unread)))

    def state_of(self, path: str) -> bytes:
        """What was remembered of a place; empty where nothing was."""
        known = self._store.files().get(path)
        return known.state if known else b""

    def _flush(self, imported: Imported) -> Imported:
        """Store what is held, and in the same step that the ledger has not been told of it yet."""
        self._store.flush(self._judge)
        imported = msgspec.structs.replace(
            imported, calls=self._store.written - self._told_of, digest=self._store.digest
        )
        is_news = imported.files or imported.calls or imported.unread
        self._store.set(UNTOLD, msgspec.json.encode(imported).decode() if is_news else "")
        return imported

    def untold(self) -> Imported | None:
        """What was stored and not written into the ledger yet, also by an import that was killed."""
        text = self._store.setting(UNTOLD)
        return msgspec.json.decode(text, type=Imported) if text else None

    def told(self) -> None:
        with self._store.writing():
            self._store.set(UNTOLD, "")
        self._told_of = self._store.written

    def _read(self, job: Job) -> int:
        """Hold what a file has for the next flush; how many places of it could not be read."""
        place, unread = START, list[Unread]()
        try:
            for found in job.reader.read(Path(job.path), job.place):
                if isinstance(found, Usage):
                    self._store.add(found, self._judge)
                elif isinstance(found, Unread):
                    unread.append(found)
                else:
                    place = found
            tail = _tail(job.path, place.offset)
        except FileNotFoundError:
            return 0
        except OSError:
            unread, tail = [Unread(path=job.path, why="denied")], b""
        self._keep(job, place, tail, unread)
        return sum(one.count for one in unread)

    def _keep(self, job: Job, place: Place, tail: bytes, unread: Sequence[Unread]) -> None:
        path, tool, fresh = printable(job.path), job.reader.source.tool, job.place is START
        if any(one.why in PASSING for one in unread):
            self._store.keep_unread(path, tool, unread, fresh=fresh)
            return
        state = FileState(
            tool=tool, inode=job.look[0], size=job.look[1], mtime_ns=job.look[2], offset=place.offset,
            line=place.line, state=place.state, tail=tail,
        )  # fmt: skip
        self._store.keep_file(path, state, unread, fresh=fresh)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is new or has changed."""

    reader: Reader
    path: str
    look: Look
    place: Place

    @property
    def size(self) -> int:
        """Bytes to read."""
        return max(0, self.look[1] - self.place.offset)


@contextmanager
def _no_cycles() -> Generator[None]:
    """Millions of small objects and no cycle among them: looking for some costs a tenth of the whole import."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what is kept of them holds nothing that the collector could free
        if was_on:
            gc.enable()


def _job(reader: Reader, path: str, status: os.stat_result, known: FileState | None) -> Job | None:
    look = _look(path, status)
    if known is None:
        return Job(reader=reader, path=path, look=look, place=START)
    if look == (known.inode, known.size, known.mtime_ns):
        return None
    place = START
    has_grown = look[0] == known.inode and look[1] > known.size
    if has_grown and known.tail and _tail(path, known.offset) == known.tail:
        place = Place(offset=known.offset, line=known.line, state=known.state)
    return Job(reader=reader, path=path, look=look, place=place)


def _look(path: str, status: os.stat_result) -> Look:
    """A database in use changes in its log first."""
    size, mtime_ns = status.st_size, status.st_mtime_ns
    if path.endswith(".db"):
        try:
            log = os.stat(f"{path}-wal")  # noqa: PTH116 - as everywhere here, names may be no UTF-8
        except OSError:
            return status.st_ino, size, mtime_ns
        size, mtime_ns = size + log.st_size, max(mtime_ns, log.st_mtime_ns)
    return status.st_ino, size, mtime_ns


def _tail(path: str, offset: int) -> bytes:
    """Digest of what lies before the offset; empty at the start, where there is nothing to compare."""
    if not offset:
        return b""
    start = max(0, offset - TAIL)
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return blake2b(os.pread(file, offset - start, start), digest_size=16).digest()
    finally:
        os.close(file)
