"""The calls of AI tools, each once, and their sums by day."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from meshclaw.flow.units import canonical, sha256_hex
from meshclaw.flow.usage import Evidence, Link, Unread, Usage
from meshclaw.ledger.usage.contexts import DAY_MS, Contexts, Judge, words
from meshclaw.ledger.usage.rows import AT, EVIDENCE, KEY, MESSAGE, UNTIL, Row, Sums, row_of, usage_of
from meshclaw.ledger.usage.same import settled
from meshclaw.ledger.usage.schema import AMOUNTS, BYS, SCHEMA, SUMS, VERSION, WHOLE, By
from meshclaw.sqlite import MEMORY, connect, telling

FIRST, LAST = -(2**62), 2**62
BATCH = 50_000
"""Calls that are held before they are written."""

WIDTH = 19
"""Columns of ``call``."""
AT_ONCE = 200
"""Rows that one statement writes."""
TOUCHED = "touched"
LINKS = "links"
SUMS_OF = "sums of"

_ROW = f"({','.join('?' * WIDTH)})"
_PUT = f"INSERT OR REPLACE INTO call VALUES {_ROW}"  # noqa: S608 - fixed words
_PUT_MANY = f"INSERT OR REPLACE INTO call VALUES {','.join([_ROW] * AT_ONCE)}"  # noqa: S608 - fixed words
_PASSING = "why IN ('denied', 'locked')"
_KEY = "tool, message, key, evidence"
_AFTER = f"SELECT * FROM call WHERE ({_KEY}) > (?,?,?,?) ORDER BY {_KEY} LIMIT ?"  # noqa: S608 - fixed words
_OF = "WHERE tool = ? AND message = ? AND key = ? AND evidence = ?"
_ONE = f"SELECT * FROM call {_OF}"  # noqa: S608 - fixed words
_COUNT = f"UPDATE call SET is_counted = ? {_OF}"  # noqa: S608 - fixed words
_WITH_ID = (
    "SELECT * FROM call WHERE key IN (SELECT value FROM json_each(?1)) "
    "UNION SELECT * FROM call WHERE message IN (SELECT value FROM json_each(?1))"
)
_SUMS_FOR = (
    "SELECT * FROM call WHERE until > 0 AND context IN "
    "(SELECT id FROM context WHERE session IN (SELECT value FROM json_each(?)))"
)
_WORKS = "SELECT DISTINCT tool, session FROM context WHERE id IN (SELECT context FROM call WHERE until = 0)"
_INDICES = (
    "CREATE INDEX IF NOT EXISTS call_key ON call (key)",
    "CREATE INDEX IF NOT EXISTS call_message ON call (message)",
    "CREATE INDEX IF NOT EXISTS call_sum ON call (context) WHERE until > 0",
)
"""Only made where calls have more than one source: others need not pay for them."""
_ADD = (
    f"INSERT INTO sums VALUES ({','.join('?' * (3 + len(SUMS)))}) ON CONFLICT DO UPDATE SET "  # noqa: S608
    + ",".join(f"{name} = {name} + excluded.{name}" for name in SUMS)
)


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Field for field ``schema.AMOUNTS``."""

    calls: int = 0
    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    tool_calls: int = 0
    credits_milli: int = 0
    nanos: int = 0
    guessed_nanos: int = 0


FILE_WIDTH = 9
"""Columns of ``file``."""


class Work(NamedTuple):
    """What tells of an intent, and how many calls at what cost it stands for."""

    declared: str
    branch: str
    did: tuple[str, ...]
    files: tuple[str, ...]
    calls: int
    nanos: int


class Moment(NamedTuple):
    """A call, and where it was made."""

    at: int
    """Unix milliseconds."""
    tool: str
    session: str
    folder: str
    """In which it worked."""
    branch: str


class DayCalls(NamedTuple):
    """The counted calls of one day that have all of this in common."""

    day: str
    """UTC, as in ``2026-11-21``."""
    tool: str
    model: str
    intent: str
    cell: str
    amounts: Amounts


class FileState(msgspec.Struct, frozen=True):
    """How a file looked when it was last read, and how far."""

    tool: str
    inode: int
    size: int
    mtime_ns: int
    offset: int
    line: int
    state: bytes
    tail: bytes
    """Digest of the last bytes before the offset; empty where reading cannot go on from there."""


class _Held(msgspec.Struct):
    """Calls that are not written yet, by message."""

    rows: dict[str, Row] = {}
    again: dict[str, list[Usage]] = {}
    """Those that were found several times, each time."""


class UsageStore:
    """``judge`` prices a call and says what it was for; asked once, when the call is stored."""

    def __init__(self, path: Path | str = MEMORY) -> None:
        self.path = path
        self._db = connect(path, SCHEMA, version=VERSION, durable=False)
        self._contexts = Contexts(self._db)
        self._data_version = -1
        """Of the file, as long as nobody else writes to it."""
        self._waiting: list[Row] = []
        """Calls of a store in memory that nobody has asked for yet: most such stores are only asked for sums."""
        self._hold_nothing()
        self.written = 0
        """Calls that are new or fuller than before."""
        self.digest = ""
        """Of all that was written since the store was opened, chained."""

    def _hold_nothing(self) -> None:
        self._held = defaultdict[str, _Held](_Held)
        """By tool."""
        self._files: list[tuple[object, ...]] = []
        self._fresh: list[tuple[str]] = []
        self._grown: list[tuple[str]] = []
        self._unread: list[tuple[object, ...]] = []

    # -- writing -------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        return sum(len(held.rows) for held in self._held.values()) >= BATCH

    @contextmanager
    def writing(self) -> Generator[None]:
        """All that the block adds is stored when it ends, or none of it."""
        waiting = self._waiting.copy()
        with telling(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            self._heed_others()
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                self._hold_nothing()
                self._contexts.forget()
                self._waiting = waiting
                raise
            self._db.execute("COMMIT")

    def _heed_others(self) -> None:
        """Numbers that this run remembers may have gone when another process labelled the calls anew."""
        [version] = self._db.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._contexts.forget()
            self._data_version = version

    def add(self, usage: Usage, judge: Judge) -> None:
        """With the next ``flush``. At once a row: of the many calls of a first reading none stays around longer."""
        held, message = self._held[usage.tool], usage.message or usage.key
        if message not in held.rows:
            held.rows[message] = row_of(usage, judge, self._contexts)
        else:
            known = [usage_of(held.rows[message], self._contexts)]
            held.again.setdefault(message, known).append(usage)

    def flush(self, judge: Judge) -> None:
        """Write what is held. A call that is there already is replaced by a fuller recording of it alone."""
        put, gone = list[Row](), list[Row]()
        for tool, held in self._held.items():
            stored = self._stored(tool, held.rows)
            for message in held.again.keys() | stored.keys():
                known = stored.get(message, {})
                row = held.rows.pop(message)
                left = settled([*known, *held.again.get(message, [usage_of(row, self._contexts)])])
                put += [row_of(call, judge, self._contexts) for call in left if call not in known]
                gone += [row for call, row in known.items() if call not in left]
            put += held.rows.values()
        self._write(put, gone)
        self._write_files()

    def _write(self, put: list[Row], gone: list[Row]) -> None:
        if not put and not gone:
            return
        sums = Sums(self._contexts)
        sums.add(put)
        sums.add(gone, -1)
        self._db.executemany(f"DELETE FROM call {_OF}", [row[:4] for row in gone])  # noqa: S608 - fixed words
        self._contexts.write()
        changes = sums.rows()
        self._add(changes)
        if any(map(itemgetter(UNTIL), put)):
            for number in {cast("int", row[EVIDENCE]) for row in put if row[UNTIL]}:
                self.set(f"{SUMS_OF} {self._contexts.names.text(number)}", "1")
        self._touch(cast("Iterable[int]", map(itemgetter(AT), put)))
        self.written += len(put)
        keys = "\n".join(cast("Iterable[str]", map(itemgetter(KEY), put)))
        self.digest = sha256_hex(self.digest.encode() + canonical(changes) + keys.encode())
        put.sort(key=itemgetter(MESSAGE))  # in the order of the key, or nearly: pages fill one by one
        if self.path == MEMORY:
            self._waiting += put
        else:
            self._put(put)

    def _put(self, rows: Sequence[Row]) -> None:
        whole = len(rows) - len(rows) % AT_ONCE
        many = (list(chain.from_iterable(rows[at : at + AT_ONCE])) for at in range(0, whole, AT_ONCE))
        self._db.executemany(_PUT_MANY, many)
        self._db.executemany(_PUT, rows[whole:])

    def _add(self, changes: Iterable[tuple[int, ...]]) -> None:
        """Add to the sums; ``changes`` as ``Sums.rows``."""
        apart = ((*rest, *divmod(nanos, WHOLE), *divmod(guessed, WHOLE)) for *rest, nanos, guessed in changes)
        self._db.executemany(_ADD, apart)

    def _ask(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Ask for the calls themselves."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._put(waiting)
        return self._db.execute(query, values)

    def _stored(self, tool: str, messages: Iterable[str]) -> dict[str, dict[Usage, Row]]:
        """What is stored already of the calls with these messages, by message."""
        found: dict[str, dict[Usage, Row]] = {}
        if not self._waiting and self._db.execute("SELECT 1 FROM call LIMIT 1").fetchone() is None:
            return found
        query = "SELECT * FROM call WHERE tool = ? AND message IN (SELECT value FROM json_each(?))"
        for row in self._ask(query, (self._contexts.names[tool], json.dumps(list(messages)))):
            found.setdefault(row[1], {})[usage_of(row, self._contexts)] = row
        return found

    def judge_again(self, version: str, judge: Judge) -> None:
        """Price and label every call anew where ``version`` is not that of the stored prices and labels."""
        if self.setting("judged") == version:
            return
        with self.writing():
            self._contexts.clear()
            self._db.execute("DELETE FROM sums")
            last: Row = (-1, "", "", -1)
            while rows := self._ask(_AFTER, (*last, BATCH)).fetchall():
                usages = [usage_of(row, self._contexts) for row in rows]
                new = [row_of(usage, judge, self._contexts) for usage in usages]
                sums = Sums(self._contexts)
                sums.add(new)
                self._contexts.write()
                self._put(new)
                self._add(sums.rows())
                last = rows[-1][:4]
                self._touch(cast("list[int]", [row[AT] for row in rows]))
            self._db.execute("DELETE FROM context WHERE id NOT IN (SELECT context FROM call)")
            self._contexts.forget()
            self.set("judged", version)

    def _touch(self, times: Iterable[int]) -> None:
        """Remember between which times calls are new: there it is open which evidence counts."""
        touched = [*times, *(self.touched or ())]
        if touched:
            self.set(TOUCHED, f"{min(touched)} {max(touched)}")

    @property
    def touched(self) -> tuple[int, int] | None:
        """First and last time of calls that came since ``count`` was last told which of them count."""
        first, _, last = self.setting(TOUCHED).partition(" ")
        return (int(first), int(last)) if last else None

    def calls(self, since: int, until: int) -> Iterator[tuple[Usage, bool]]:
        """All calls between two times in Unix milliseconds, both inclusive, and whether each counts."""
        query = f"SELECT * FROM call WHERE at BETWEEN ? AND ? ORDER BY {_KEY}"  # noqa: S608 - fixed words
        with telling(self.path):
            for row in self._ask(query, (since, until)):
                yield usage_of(row, self._contexts), bool(row[-1])

    def alike(self, calls: Iterable[Usage]) -> dict[Usage, bool]:
        """Calls at any time that have an id of one of these, and sums for their sessions or without one."""
        calls = list(calls)
        ids = {id_ for usage in calls for id_ in (usage.key, usage.message) if id_}
        sessions = {self._contexts.names[usage.session] for usage in calls} | {self._contexts.names[""]}
        found: dict[Usage, bool] = {}
        with telling(self.path):
            for index in _INDICES:
                self._ask(index)
            for query, values in ((_WITH_ID, ids), (_SUMS_FOR, sessions)):
                for row in self._ask(query, (json.dumps(list(values)),)):
                    found[usage_of(row, self._contexts)] = bool(row[-1])
        return found

    def works(self) -> set[tuple[str, str]]:
        """Tool and session of everything that stands for one call."""
        text = self._contexts.names.text
        with telling(self.path):
            return {(text(tool), text(session)) for tool, session in self._ask(_WORKS)}

    def work(self, since: int, until: int) -> list[Work]:
        """The counted calls between two times as ``calls``, alike ones together."""
        query = (
            f"SELECT declared, branch, did, files, COUNT(*), SUM(nanos / {WHOLE}), SUM(nanos % {WHOLE}) "  # noqa: S608
            "FROM call JOIN context ON context.id = context WHERE is_counted AND at BETWEEN ? AND ? "
            "GROUP BY declared, branch, did, files"
        )
        text = self._contexts.names.text
        with telling(self.path):
            rows = self._ask(query, (since, until)).fetchall()
            return [
                Work(
                    text(said), text(branch), words(text(did)), words(text(files)), calls, dollars * WHOLE + nanos
                )
                for said, branch, did, files, calls, dollars, nanos in rows
            ]  # fmt: skip

    def moments(self, is_there: Callable[[str], bool]) -> list[Moment]:
        """When the counted calls were, of sessions in folders that ``is_there`` accepts, the first one first."""
        text = self._contexts.names.text
        with telling(self.path):
            folders = [repo for (repo,) in self._ask("SELECT DISTINCT repo FROM context")]
            query = (
                "SELECT at, context.tool, session, repo, branch FROM call JOIN context ON context.id = context "
                "WHERE is_counted AND until = 0 AND repo IN (SELECT value FROM json_each(?)) "
                "ORDER BY at, context.tool, message, key, context.evidence"
            )
            there = json.dumps([repo for repo in folders if is_there(text(repo))])
            found = [Moment(at, *map(text, rest)) for at, *rest in self._ask(query, (there,))]
        return [moment for moment in found if moment.session]

    def links(self) -> list[Link]:
        """What sessions made and what became of it, as it was last looked at."""
        text = self.setting(LINKS)
        return msgspec.json.decode(text, type=list[Link]) if text else []

    def link(self, links: Sequence[Link]) -> None:
        """In place of all before. Calls are labelled by them when they are next judged."""
        with self.writing():
            self.set(LINKS, msgspec.json.encode(links).decode())

    def has_evidence(self, evidence: Evidence) -> bool:
        """Whether there may be a call of it: its name is only stored with one."""
        with telling(self.path):
            return self._db.execute("SELECT 1 FROM name WHERE text = ?", (evidence,)).fetchone() is not None

    def has_sums(self, evidence: Evidence) -> bool:
        """Whether anything of it stands for more than one call."""
        return bool(self.setting(f"{SUMS_OF} {evidence}"))

    def count(self, changes: Iterable[tuple[Usage, bool]]) -> None:
        """Let each of these calls count or not from now on; then nothing is open any more."""
        sums = Sums(self._contexts)
        with self.writing():
            for usage, is_counted in changes:
                of = (
                    self._contexts.names[usage.tool],
                    usage.message or usage.key,
                    usage.key,
                    self._contexts.names[usage.evidence],
                )
                row = self._ask(_ONE, of).fetchone()
                sums.add([row], -1)
                sums.add([(*row[:-1], is_counted)])
                self._db.execute(_COUNT, (is_counted, *of))
            self._add(sums.rows())
            self.set(TOUCHED, "")

    def setting(self, name: str) -> str:
        with telling(self.path):
            row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    # -- files ---------------------------------------------------------------------------

    def files(self) -> dict[str, FileState]:
        """By path."""
        names = FileState.__struct_fields__
        query = f"SELECT path, {', '.join(names)} FROM file"  # noqa: S608 - fixed words
        with telling(self.path):
            rows = self._db.execute(query).fetchall()
        return {path: FileState(*rest) for path, *rest in rows}

    def keep_file(self, path: str, state: FileState, unread: Sequence[Unread], *, fresh: bool) -> None:
        """With the next ``flush``. ``fresh``: it was read from its start, so what was said of it before is void."""
        self._files.append((path, *msgspec.structs.astuple(state)))
        self.keep_unread(path, state.tool, unread, fresh=fresh)

    def keep_unread(self, path: str, tool: str, unread: Sequence[Unread], *, fresh: bool) -> None:
        """With the next ``flush``."""
        (self._fresh if fresh else self._grown).append((path,))
        self._unread += [(tool, path, one.line, one.why, one.what, one.count) for one in unread]

    def _write_files(self) -> None:
        again = "DELETE FROM unread WHERE path = ?"
        self._db.executemany(again, self._fresh)
        self._db.executemany(f"{again} AND (why = 'truncated' OR {_PASSING})", self._grown)
        self._db.executemany(
            f"INSERT OR REPLACE INTO file VALUES ({','.join('?' * FILE_WIDTH)})",  # noqa: S608 - fixed words
            self._files,
        )
        self._db.executemany(
            "INSERT INTO unread VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            self._unread,
        )
        self._hold_nothing()

    def files_by_tool(self) -> dict[str, int]:
        with telling(self.path):
            return dict(self._db.execute("SELECT tool, COUNT(*) FROM file GROUP BY tool").fetchall())

    def has_passing(self) -> bool:
        """Whether anything was denied or locked when it was last tried."""
        with telling(self.path):
            query = f"SELECT 1 FROM unread WHERE {_PASSING} LIMIT 1"  # noqa: S608 - fixed words
            return self._db.execute(query).fetchone() is not None

    def forget_passing(self) -> None:
        self._db.execute(f"DELETE FROM unread WHERE {_PASSING}")  # noqa: S608 - fixed words

    def unread(self) -> list[tuple[str, Unread]]:
        """With the tool, by path and line."""
        query = "SELECT tool, path, line, why, what, count FROM unread ORDER BY path, line"
        with telling(self.path):
            rows = self._db.execute(query).fetchall()
        names = ("path", "line", "why", "what", "count")
        return [(tool, Unread(**dict(zip(names, rest, strict=True)))) for tool, *rest in rows]

    def check(self) -> int:
        """How many of the sums are not what the calls themselves add up to; 0 unless the file was touched."""
        query = f"SELECT * FROM call ORDER BY {_KEY}"  # noqa: S608 - fixed words
        sums = Sums(self._contexts)
        with telling(self.path):
            found = self._ask(query)
            while rows := found.fetchmany(BATCH):
                sums.add(rows)
            stored = self._db.execute("SELECT * FROM sums WHERE calls <> 0").fetchall()
        return len(
            {(by, day, value, *_together(rest)) for by, day, value, *rest in stored} ^ set(sums.rows())
        )

    # -- reading -------------------------------------------------------------------------

    def by(self, by: By, since: int | None = None, until: int | None = None) -> dict[str, Amounts]:
        """By value, dearest first. ``since`` and ``until`` are days since 1970, both inclusive."""
        found = self._sums("text", "JOIN name ON id = value", by, since, until)
        return dict(sorted(found, key=lambda item: (-item[1].nanos, -item[1].calls, item[0])))

    def days(self, since: int | None = None, until: int | None = None) -> dict[int, Amounts]:
        """Oldest first."""
        return dict(sorted(self._sums("day", "", "tool", since, until)))

    def days_by(
        self, by: By, since: int | None = None, until: int | None = None
    ) -> dict[tuple[int, str], Amounts]:
        """By day and value, oldest first."""
        found = self._sums("day || ' ' || text", "JOIN name ON id = value", by, since, until)
        parted = ((key.partition(" "), amounts) for key, amounts in found)
        return dict(sorted(((int(day), value), amounts) for (day, _, value), amounts in parted))

    def days_whole(self, since: int, until: int) -> Iterator[DayCalls]:
        """The counted calls of days since 1970, both inclusive, by all that a company may hear of them."""
        counts = ", ".join(f"SUM(call.{name})" for name in AMOUNTS[1:-2])
        query = (
            f"SELECT date(at / 1000, 'unixepoch') AS day, t.text, m.text, i.text, c.text, COUNT(*), {counts}, "  # noqa: S608
            f"SUM(nanos / {WHOLE}), SUM(nanos % {WHOLE}), SUM(guessed_nanos / {WHOLE}), SUM(guessed_nanos % {WHOLE}) "
            "FROM call JOIN context x ON x.id = context JOIN name t ON t.id = x.tool JOIN name m ON m.id = x.model "
            "JOIN name i ON i.id = x.intent JOIN name c ON c.id = x.cell "
            "WHERE is_counted AND at BETWEEN ? AND ? GROUP BY 1, 2, 3, 4, 5"
        )
        with telling(self.path):
            for day, tool, model, intent, cell, *sums in self._ask(
                query, (since * DAY_MS, until * DAY_MS + DAY_MS - 1)
            ):
                amounts = Amounts(**dict(zip(AMOUNTS, _together(sums), strict=True)))
                yield DayCalls(day, tool, model, intent, cell, amounts)

    def total(self, since: int | None = None, until: int | None = None) -> Amounts:
        return next((amounts for _, amounts in self._sums("1", "", "tool", since, until)), Amounts())

    def _sums(
        self, of: str, join: str, by: By, since: int | None, until: int | None
    ) -> list[tuple[Any, Amounts]]:
        added = ", ".join(f"SUM({name})" for name in SUMS)
        query = (
            f"SELECT {of}, {added} FROM sums {join} WHERE by = ? AND day BETWEEN ? AND ? "  # noqa: S608 - fixed words
            f"GROUP BY {of} HAVING SUM(calls) > 0"
        )
        span = (BYS.index(by), FIRST if since is None else since, LAST if until is None else until)
        with telling(self.path):
            rows = self._db.execute(query, span).fetchall()
        return [(value, Amounts(**dict(zip(AMOUNTS, _together(rest), strict=True)))) for value, *rest in rows]

    def close(self) -> None:
        self._db.close()


def _together(sums: Sequence[int]) -> tuple[int, ...]:
    """``SUMS`` as ``AMOUNTS``."""
    *counts, dollars, nanos, guessed_dollars, guessed_nanos = sums
    return *counts, dollars * WHOLE + nanos, guessed_dollars * WHOLE + guessed_nanos
