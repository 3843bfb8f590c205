"""What must survive a crash between Slack and the ledger: what was heard, what is to be said, which cards hang where.

``slack-TEAM.db`` of the state folder. Words stand in it only until their run has begun: from then on the ledger has
them; texts to be said only until they are said.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import msgspec

from meshclaw.connectors.slack.messages import File
from meshclaw.daemon.slack.gate import How, Words
from meshclaw.errors import Damaged
from meshclaw.flow.action import Value
from meshclaw.sqlite import connect, telling

SCHEMA = """
CREATE TABLE seen (key TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE turn (
  key TEXT PRIMARY KEY, state TEXT NOT NULL, run TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL,
  at REAL NOT NULL, body BLOB NOT NULL);
CREATE INDEX turn_run ON turn (run);
CREATE INDEX turn_thread ON turn (channel, thread);
CREATE TABLE post (op TEXT PRIMARY KEY, ts TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE card (approval TEXT PRIMARY KEY, channel TEXT NOT NULL, ts TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE mark (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
KEPT_S = 7 * 24 * 3600.0
"""How long it is remembered that something was heard: Slack sends again for an hour, read back is a day at most."""
TIDY_S = 90 * 24 * 3600.0
"""How long a conversation can be gone on with."""
State = Literal["new", "begun", "answered"]

T = TypeVar("T")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What the person said, and where the answer goes."""

    key: str
    how: How
    state: State = "new"
    run: str = ""
    channel: str
    """Where the answer goes; until then where it was said."""
    thread: str
    said_in: str
    """The channel that it was said in."""
    ts: str
    text: str
    """Slack's markup; empty once the run has begun."""
    files: tuple[File, ...] = ()
    at: float
    """Unix seconds at which it was heard."""
    stream: str = ""
    """The message that the answer is streamed into."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the claw's own, to its person."""

    op: str
    channel: str
    thread: str = ""
    text: str
    blocks: tuple[dict[str, Value], ...] = ()
    stream: str = ""
    """The message that it takes the place of."""


class Intended(NamedTuple):
    tried: bool
    """It may have been said before."""
    ts: str
    """Where it was said; empty while nobody knows."""
    at: float
    """Unix seconds before which it was not."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    approval: str
    channel: str
    ts: str
    state: str


class Kept:
    """Threads may share it."""

    def __init__(self, folder: Path, team: str) -> None:
        if not re.fullmatch(r"[A-Z0-9]{1,31}", team):
            raise Damaged(f"{team!r} is no Slack team", fix="Connect again: meshclaw slack connect")
        self.path = folder / f"slack-{team}.db"
        self._db = connect(self.path, SCHEMA)
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def tidy(self) -> None:
        """What is over and long past goes."""
        past = time.time() - TIDY_S

        def tidy() -> None:
            self._db.execute("DELETE FROM turn WHERE state='answered' AND at < ?", (past,))
            self._db.execute("DELETE FROM post WHERE ts <> '' AND at < ?", (past,))
            self._db.execute("DELETE FROM card WHERE CAST(ts AS REAL) < ?", (past,))

        self._do(tidy)

    # -- what was heard ---------------------------------------------------------------------

    def first(self, *keys: str) -> bool:
        """Whether none of ``keys`` was heard before; they are from now on."""
        return self._do(lambda: self._first(keys))

    def hear(self, words: Words, *keys: str) -> bool:
        """Take in what the person said, once, however often it is told; whether it is new."""
        turn = Turn(
            key=words.key, how=words.how, channel=words.channel, thread=words.thread or words.ts,
            said_in=words.channel, ts=words.ts, text=words.text, files=words.files, at=time.time(),
        )  # fmt: skip

        def take() -> bool:
            if not self._first((words.key, *keys)):
                return False
            self._put(turn)
            return True

        return self._do(take)

    def _first(self, keys: Iterable[str]) -> bool:
        now = time.time()
        self._db.execute("DELETE FROM seen WHERE at < ?", (now - KEPT_S,))
        rows = [(key, now) for key in keys if key]
        known = [
            key for key, _ in rows if self._db.execute("SELECT 1 FROM seen WHERE key=?", (key,)).fetchone()
        ]
        self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", rows)
        return not known

    # -- turns ------------------------------------------------------------------------------

    def change(self, key: str, **fields: object) -> Turn:
        """Another thread may be changing other fields of it."""

        def change() -> Turn:
            [row] = self._db.execute("SELECT body FROM turn WHERE key=?", (key,)).fetchall()
            turn = msgspec.structs.replace(msgspec.json.decode(row[0], type=Turn), **fields)
            self._put(turn)
            return turn

        return self._do(change)

    def _put(self, turn: Turn) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO turn VALUES (?,?,?,?,?,?,?)",
            (
                turn.key,
                turn.state,
                turn.run,
                turn.channel,
                turn.thread,
                turn.at,
                msgspec.json.encode(turn),
            ),
        )

    def turn(self, key: str) -> Turn | None:
        return next(iter(self._turns("key = ?", key)), None)

    def turns(self, state: State) -> list[Turn]:
        return self._turns("state = ?", state)

    def turn_of(self, run: str) -> Turn | None:
        return next(iter(self._turns("run = ?", run)), None) if run else None

    def in_thread(self, channel: str, thread: str) -> list[Turn]:
        return self._turns("channel = ? AND thread = ?", channel, thread)

    def threads(self, since: float) -> set[tuple[str, str]]:
        """Channel and ``ts`` of conversations that were lively since then."""
        return {(one.channel, one.thread) for one in self._turns("at > ?", since) if one.thread}

    def _turns(self, where: str, *values: object) -> list[Turn]:
        query = f"SELECT body FROM turn WHERE {where} ORDER BY at, key"  # noqa: S608 - fixed words
        rows = self._do(lambda: self._db.execute(query, values).fetchall())
        return [msgspec.json.decode(row[0], type=Turn) for row in rows]

    # -- what is to be said -----------------------------------------------------------------

    def intend(self, post: Post) -> Intended:
        """Keep what is to be said before it is."""

        def keep() -> Intended:
            row = self._db.execute("SELECT ts, at FROM post WHERE op=?", (post.op,)).fetchone()
            if row is not None:
                return Intended(tried=True, ts=row[0], at=row[1])
            now = time.time()
            self._db.execute(
                "INSERT INTO post VALUES (?, '', ?, ?)", (post.op, now, msgspec.json.encode(post))
            )
            return Intended(tried=False, ts="", at=now)

        return self._do(keep)

    def said(self, op: str, ts: str) -> None:
        self._do(lambda: self._db.execute("UPDATE post SET ts=?, body='' WHERE op=?", (ts, op)))

    def unsaid(self) -> list[Post]:
        """Oldest first."""
        rows = self._do(lambda: self._db.execute("SELECT body FROM post WHERE ts='' ORDER BY at").fetchall())
        return [msgspec.json.decode(row[0], type=Post) for row in rows]

    def said_at(self, op: str) -> str:
        """The ``ts`` of what was said; empty where it was not."""
        row = self._do(lambda: self._db.execute("SELECT ts FROM post WHERE op=?", (op,)).fetchone())
        return str(row[0]) if row else ""

    # -- cards and marks --------------------------------------------------------------------

    def hang(self, card: Card) -> None:
        row = (card.approval, card.channel, card.ts, card.state)
        self._do(lambda: self._db.execute("INSERT OR REPLACE INTO card VALUES (?,?,?,?)", row))

    def cards(self) -> dict[str, Card]:
        rows = self._do(lambda: self._db.execute("SELECT approval, channel, ts, state FROM card").fetchall())
        return {row[0]: Card(approval=row[0], channel=row[1], ts=row[2], state=row[3]) for row in rows}

    def mark(self, name: str, value: str) -> None:
        self._do(lambda: self._db.execute("INSERT OR REPLACE INTO mark VALUES (?,?)", (name, value)))

    def marked(self, name: str) -> str:
        row = self._do(lambda: self._db.execute("SELECT value FROM mark WHERE name=?", (name,)).fetchone())
        return str(row[0]) if row else ""

    def _do(self, work: Callable[[], T]) -> T:
        """All of it or nothing; one thread at a time."""
        with self._lock, telling(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                result = work()
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            return result
