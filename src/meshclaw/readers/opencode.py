"""OpenCode's database, and the files it kept before it had one. A message has the same id in both.

A database that OpenCode holds is read as it was last written to the file itself, and named: what it holds back in
its log comes with the next reading. Input is without the cached part; reasoning is outside output.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import quote

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.calls import found_in
from meshclaw.readers.lines import LONGEST
from meshclaw.readers.records import Fields, decoded, moment, read_whole, strangers, table, text, whole

WAIT_S = 1.0
QUERY = "SELECT rowid, id, session_id, CASE WHEN length(data) <= ? THEN data END FROM message"
KNOWN = {"input", "output", "reasoning", "total", "cache"}


class OpenCode:
    source = Source(
        tool="opencode",
        evidence="transcript",
        grain="call",
        includes="input without cache; reasoning outside output, added here; its own price beside ours",
        roots=(".local/share/opencode",),
        variables=("OPENCODE_DATA_DIR",),
        globs=("opencode.db", "opencode-*.db", "storage/message/**/*.json"),
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:  # noqa: ARG002 - rows change in place
        unknown: Counter[str] = Counter()
        for found in _database(path) if path.suffix == ".db" else _file(path):
            if isinstance(found, Unread):
                yield found
                continue
            line, fields, id_, session = found
            call = partial(_call, id_=id_, session=session)
            for one in found_in(str(path), line, fields, call, _cost):
                if isinstance(one, Usage):
                    unknown.update(table(fields, "tokens").keys() - KNOWN)
                yield one
        yield from strangers(path, unknown)


Message = tuple[int, Fields, str, str]
"""Row, what it says, its id and its session."""


def _file(path: Path) -> Iterator[Message | Unread]:
    value = read_whole(path)
    if isinstance(value, Unread):
        yield value
    elif isinstance(value, list):
        yield Unread(path=str(path), why="malformed")
    else:
        yield 0, value, text(value, "id") or path.stem, text(value, "sessionID")


def _database(path: Path) -> Iterator[Message | Unread]:
    """With what OpenCode has in its log where that can be had; else what stands in the file.

    SQLite would make a log and an index beside a file that has none: not in another tool's folder.
    """
    path.open("rb").close()  # what may not be read at all is the caller's to tell
    has_log = path.with_name(f"{path.name}-wal").exists()
    try:
        yield from _rows(path, "mode=ro" if has_log else "immutable=1")
    except sqlite3.DatabaseError as error:
        is_held = "locked" in str(error) or "unable to open" in str(error)
        yield Unread(path=str(path), why="locked" if is_held else "malformed")
        if is_held:
            yield from _without_log(path)


def _without_log(path: Path) -> Iterator[Message | Unread]:
    try:
        yield from _rows(path, "immutable=1")
    except sqlite3.DatabaseError:
        yield Unread(path=str(path), why="malformed")  # torn while it is written: the next reading has it


def _rows(path: Path, mode: str) -> Iterator[Message | Unread]:
    with closing(sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, timeout=WAIT_S)) as connection:
        for row, id_, session, data in connection.execute(QUERY, (LONGEST,)):
            fields = decoded(data) if isinstance(data, str | bytes) else None
            if fields is None:
                yield Unread(path=str(path), line=row, why="too-long" if data is None else "malformed")
            else:
                yield row, fields, str(id_), str(session)


def _cost(fields: Fields) -> object:
    return fields.get("cost")


def _call(fields: Fields, id_: str, session: str) -> Usage | None:
    tokens = _tokens(table(fields, "tokens"))
    if tokens == Tokens():
        return None
    return Usage(
        tool="opencode", evidence="transcript", key=id_, at=moment(table(fields, "time").get("created")),
        model=text(fields, "modelID"), provider=text(fields, "providerID"), tokens=tokens, session=session,
        repo=text(table(fields, "path"), "root", "cwd"), agent=text(fields, "agent", "mode"),
    )  # fmt: skip


def _tokens(counts: Fields) -> Tokens:
    """The total, where there is one, proves whether reasoning is in the output already."""
    entire, output, reasoning = whole(counts, "input"), whole(counts, "output"), whole(counts, "reasoning")
    read, written = whole(table(counts, "cache"), "read"), whole(table(counts, "cache"), "write")
    is_inside = reasoning <= output and whole(counts, "total") == entire + output + read + written
    return Tokens(
        input_uncached=entire,
        cache_read=read,
        cache_write_5m=written,
        output=output if is_inside else output + reasoning,
        reasoning=reasoning,
    )
