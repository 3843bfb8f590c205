"""What triage learned from the person: counts and corrections in one SQLite file.

The file holds no mail text: tokens and addresses are stored as 8-byte BLAKE2b hashes keyed with a salt of
this file. Whoever holds the file can still test a guessed word, so it is as private as the mail itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from array import array
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import msgspec

from meshclaw.agents.triage import lessons_file
from meshclaw.agents.triage.tokens import tokens
from meshclaw.flow.message import Message
from meshclaw.flow.placement import Category
from meshclaw.sqlite import telling

_CACHE_LIMIT = 300_000
"""Remembered look-ups; about 40 MB at most, then the cache starts again."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What the person made of earlier mails of one sender or list."""

    counts: dict[Category, int] = {}
    latest: Category | None = None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def majority(self) -> Category | None:
        """The category most mails were put in; the most recent one wins a tie."""
        if not self.counts:
            return None
        top = max(self.counts.values())
        best: list[Category] = [category for category, count in self.counts.items() if count == top]
        return self.latest if self.latest in best else min(best)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    wanted: int
    """Mails learned in any category but suspicious."""
    junk: int
    tokens: int
    people: int


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    wanted: int
    """Mails."""
    junk: int


class Lessons:
    """One open lessons file; one writer at a time. Get it from ``open``."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._db = connection
        self._path = path
        self._salt = lessons_file.salt(connection)
        self._depth = 0
        self._forget()

    @classmethod
    def open(cls, path: Path | str) -> Lessons:
        """``":memory:"`` keeps nothing. Damaged for a broken file, Busy and Operational for the machine."""
        connection = lessons_file.connect(path)
        try:
            with telling(path):
                return cls(connection, str(path))
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._db.close()

    # ---- learning -------------------------------------------------------------------------------

    @contextmanager
    def batch(self) -> Generator[None]:
        """One transaction around everything inside; nothing of it stays if it raises."""
        with telling(self._path):
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._depth -= 1

    def _roll_back(self) -> None:
        self._forget()
        if self._depth == 1:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    def learn(self, message: Message, category: Category) -> bool:
        """Count the mail once as ``category``; a mail learned otherwise moves. False if nothing changed."""
        if self.learned(message) == category:
            return False
        with self.batch():
            self._drop(message.digest)
            hashes = array("q", sorted(map(self._hash, tokens(message))))
            self._count(hashes, category, 1)
            self._db.execute(
                "INSERT INTO learned (digest, category, sender, list, tokens) VALUES (?, ?, ?, ?, ?)",
                (
                    message.digest,
                    category,
                    self._hash(message.sender.address),
                    self._hash(message.list_id) if message.list_id else None,
                    hashes.tobytes(),
                ),
            )
        return True

    def unlearn(self, message: Message, category: Category) -> bool:
        """Exactly undo ``learn``: the stored tokens are subtracted. False if it was not learned so."""
        if self.learned(message) != category:
            return False
        with self.batch():
            self._drop(message.digest)
        return True

    def note_sent(self, addresses: Iterable[str], *, mail: str = "") -> None:
        """The person wrote to these. With ``mail`` (its digest) the same mail never counts twice."""
        with self.batch():
            if self._first_time("sent", mail):
                for address in {one.lower() for one in addresses if one}:
                    self._meet(address, sent=1, received=0)

    def note_received(self, address: str, *, mail: str = "") -> None:
        """A mail came from ``address``. With ``mail`` (its digest) the same mail never counts twice."""
        with self.batch():
            if address and self._first_time("received", mail):
                self._meet(address.lower(), sent=0, received=1)

    # ---- looking up -----------------------------------------------------------------------------

    def learned(self, message: Message) -> Category | None:
        """What the person said of this very mail."""
        with telling(self._path):
            row = self._db.execute(
                "SELECT category FROM learned WHERE digest = ?", (message.digest,)
            ).fetchone()
        return row[0] if row else None

    def wrote_to(self, address: str) -> int:
        """Mails the person sent to ``address``."""
        return self._person(address)[0]

    def received_from(self, address: str) -> int:
        return self._person(address)[1]

    def of_sender(self, address: str) -> History:
        return self._history("sender", address.lower())

    def of_list(self, list_id: str) -> History:
        return self._history("list", list_id)

    def totals(self) -> tuple[int, int]:
        """Mails learned as wanted and as junk."""
        if self._totals is None:
            with telling(self._path):
                junk, total = self._db.execute(
                    "SELECT coalesce(sum(category = 'suspicious'), 0), count(*) FROM learned"
                ).fetchone()
            self._totals = (total - junk, junk)
        return self._totals

    def occurrences(self, wanted: Iterable[str]) -> list[Occurrence]:
        """How often each of these tokens was learned; tokens never seen are left out."""
        names = list(wanted)
        unknown = [name for name in names if name not in self._seen]
        if unknown:
            self._fetch(unknown)
        return [found for name in names if (found := self._seen[name]) is not None]

    def counts(self) -> Counts:
        wanted, junk = self.totals()
        with telling(self._path):
            stored = self._db.execute(
                "SELECT (SELECT count(*) FROM tokens), (SELECT count(*) FROM people)"
            ).fetchone()
        return Counts(wanted=wanted, junk=junk, tokens=stored[0], people=stored[1])

    # ---- inside ---------------------------------------------------------------------------------

    def _hash(self, value: str) -> int:
        data = value.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(data, digest_size=8, key=self._salt).digest()
        return int.from_bytes(digest, "big", signed=True)

    def _forget(self) -> None:
        self._seen: dict[str, Occurrence | None] = {}
        self._people: dict[str, tuple[int, int]] = {}
        self._histories: dict[tuple[str, str], History] = {}
        self._totals: tuple[int, int] | None = None

    def _count(self, hashes: array[int], category: Category, step: int) -> None:
        column = "junk" if category == "suspicious" else "wanted"
        self._db.executemany(
            f"INSERT INTO tokens (hash, {column}) VALUES (?, ?) "  # noqa: S608 - one of two literals above
            f"ON CONFLICT (hash) DO UPDATE SET {column} = {column} + excluded.{column}",
            [(one, step) for one in hashes],
        )
        if step < 0:
            self._db.executemany(
                "DELETE FROM tokens WHERE hash = ? AND wanted = 0 AND junk = 0", [(one,) for one in hashes]
            )
        self._seen, self._histories, self._totals = {}, {}, None

    def _drop(self, digest: str) -> None:
        row = self._db.execute(
            "DELETE FROM learned WHERE digest = ? RETURNING category, tokens", (digest,)
        ).fetchone()
        if row:
            hashes = array("q")
            hashes.frombytes(row[1])
            self._count(hashes, row[0], -1)

    def _first_time(self, direction: str, mail: str) -> bool:
        if not mail:
            return True
        added = self._db.execute("INSERT OR IGNORE INTO noted VALUES (?)", (self._hash(direction + mail),))
        return added.rowcount == 1

    def _meet(self, address: str, *, sent: int, received: int) -> None:
        self._db.execute(
            "INSERT INTO people VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET "
            "sent = sent + excluded.sent, received = received + excluded.received",
            (self._hash(address), sent, received),
        )
        self._people.pop(address, None)

    def _person(self, address: str) -> tuple[int, int]:
        key = address.lower()
        if key not in self._people:
            with telling(self._path):
                row = self._db.execute(
                    "SELECT sent, received FROM people WHERE hash = ?", (self._hash(key),)
                ).fetchone()
            self._people[key] = (row[0], row[1]) if row else (0, 0)
        return self._people[key]

    def _history(self, column: str, value: str) -> History:
        key = (column, value)
        if value and key not in self._histories:
            with telling(self._path):
                rows = self._db.execute(
                    f"SELECT category, count(*), max(step) FROM learned WHERE {column} = ? GROUP BY category",  # noqa: S608 - "sender" or "list"
                    (self._hash(value),),
                ).fetchall()
            latest = max(rows, key=lambda row: row[2])[0] if rows else None
            self._histories[key] = History(counts={row[0]: row[1] for row in rows}, latest=latest)
        return self._histories.get(key, _NOTHING)

    def _fetch(self, names: list[str]) -> None:
        if len(self._seen) > _CACHE_LIMIT:
            self._seen.clear()
        hashes = {self._hash(name): name for name in names}
        with telling(self._path):
            rows = self._db.execute(
                "SELECT hash, wanted, junk FROM tokens WHERE hash IN (SELECT value FROM json_each(?))",
                (json.dumps(list(hashes)),),
            ).fetchall()
        self._seen.update(dict.fromkeys(names))
        for stored, wanted, junk in rows:
            name = hashes[stored]
            self._seen[name] = Occurrence(token=name, wanted=wanted, junk=junk)


_NOTHING = History()
