"""What a person set up to happen by itself, in ``schedules.db`` of the state folder; what came of it is in the ledger.

One table for schedules, watches and standing intents alike: few, small, and each read whole.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from meshclaw.errors import Damaged, NotFound, UserError
from meshclaw.flow.schedule import Missed, Timing
from meshclaw.flow.units import canonical, digest_of
from meshclaw.sqlite import connect, telling

SCHEMA = """
CREATE TABLE item (kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (kind, id), UNIQUE (kind, name));
CREATE TABLE state (id TEXT PRIMARY KEY, body BLOB NOT NULL);
"""
FILE = "schedules.db"
SHORTEST_PREFIX = 4
"""Characters of an id that stand for it."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """16 hex digits; all that an event says of it."""
    name: str
    """What the person calls it."""


class Scheduled(Kept, frozen=True, kw_only=True):
    timing: Timing
    words: str = ""
    """What is asked then."""
    agent: str = "claw"
    """Name of the agent that is asked."""
    intent: str = ""
    """Which of its intents; empty where it has one."""
    subject: str = ""
    """Which mailbox, where several are connected."""
    job: str = ""
    """Work of our own code instead of a request."""
    missed: Missed = "once"
    urgent: bool = False
    """It does not wait for the end of quiet hours."""
    by_agent: bool = False
    """From an agent's front matter, not the person's own."""
    enabled: str = ""
    """When a person said yes to it, RFC 3339; empty where it is off."""
    digest: str = ""
    """What they said yes to."""

    def digest_with(self, pinned: str) -> str:
        """Over all that a person reads before they say yes; ``pinned``: the digest of the agent's files."""
        return digest_of([self.timing, self.words, self.agent, self.intent, self.subject, self.job, pinned])


T = TypeVar("T", bound=msgspec.Struct)
K = TypeVar("K", bound=Kept)


class Shelf(Generic[K]):
    """Those of one kind, in the order in which they were added."""

    def __init__(self, db: sqlite3.Connection, path: Path, kind: str, type_: type[K]) -> None:
        self._db = db
        self._path = path
        self._kind = kind
        self._type = type_

    def all(self) -> list[K]:
        with telling(self._path):
            rows = self._db.execute("SELECT body FROM item WHERE kind = ? ORDER BY rowid", (self._kind,))
            return [_decoded(body, self._type, self._path) for (body,) in rows.fetchall()]

    def get(self, name: str) -> K:
        """By its name, or the beginning of its id."""
        known = self.all()
        found = [one for one in known if name in (one.name, one.id)]
        if not found and len(name) >= SHORTEST_PREFIX:
            found = [one for one in known if one.id.startswith(name)]
        if len(found) != 1:
            there = ", ".join(sorted(one.name for one in known)) or "none"
            raise NotFound(f"there is no {self._kind} {name!r}; there are: {there}")
        return found[0]

    def put(self, one: K) -> None:
        """Takes the place of the one with that id. UserError where another one has that name."""
        with telling(self._path):
            try:
                self._db.execute(
                    "INSERT INTO item VALUES (?1, ?2, ?3, ?4)"
                    " ON CONFLICT (kind, id) DO UPDATE SET name = ?3, body = ?4",
                    (self._kind, one.id, one.name, canonical(one)),
                )
            except sqlite3.IntegrityError as error:
                raise UserError(
                    f"there is a {self._kind} {one.name!r} already",
                    fix="Choose another name, or remove it first.",
                ) from error

    def drop(self, one: K) -> None:
        with telling(self._path):
            self._db.execute("DELETE FROM item WHERE kind = ? AND id = ?", (self._kind, one.id))
            self._db.execute("DELETE FROM state WHERE id = ?", (one.id,))


class Store:
    """``folder`` holds ``schedules.db``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._db = connect(self._path, SCHEMA)
        self.schedules = self.shelf("schedule", Scheduled)

    def shelf(self, kind: str, type_: type[K]) -> Shelf[K]:
        return Shelf(self._db, self._path, kind, type_)

    @property
    def is_empty(self) -> bool:
        """The person set up nothing, and enabled nothing."""
        with telling(self._path):
            return self._db.execute("SELECT 1 FROM item LIMIT 1").fetchone() is None

    @property
    def version(self) -> int:
        """Differs once another connection changed something: about two microseconds."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def state(self, id_: str, type_: type[T]) -> T | None:
        """What was kept beside an item."""
        with telling(self._path):
            row = self._db.execute("SELECT body FROM state WHERE id = ?", (id_,)).fetchone()
        return _decoded(row[0], type_, self._path) if row else None

    def keep_state(self, id_: str, value: msgspec.Struct) -> None:
        with telling(self._path):
            self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (id_, canonical(value)))

    def close(self) -> None:
        self._db.close()


def _decoded(body: bytes, type_: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.MsgspecError as error:
        raise Damaged(
            f"{str(path)!r} holds something that cannot be read ({error})",
            fix="Move the file away and set up anew what it held; what was done is in the ledger.",
        ) from error
