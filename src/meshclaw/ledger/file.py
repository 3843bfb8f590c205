"""The ledger's file as threads use it: a connection for each, and one writer at a time, first come, first served."""

from __future__ import annotations

import sqlite3
from collections import defaultdict, deque
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread, current_thread, local

from meshclaw.errors import Busy
from meshclaw.flow.event.base import Event
from meshclaw.sqlite import connect

VERSION = 2
"""Since contents lie in it too."""
PATIENCE_S = 60.0
"""That one thread waits for the others of its process: they are many, and each has its turn."""


class Turns:
    """A lock that goes round in the order in which it was asked for; SQLite's own favours whoever just had it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    def take(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=PATIENCE_S):
            return
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise Busy(
                    f"other work of this process writes to the ledger, and did not end within {PATIENCE_S:.0f} s",
                    fix="See what it does with: meshclaw run list",
                )
        # it came in the last moment

    def give(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


_TURNS: defaultdict[Path, Turns] = defaultdict(Turns)
"""One for each file, however often it is opened."""


class Mine:
    """What one thread has: its connection, and what it wants stored with its next write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.soon: list[Event] = []
        self.rows: dict[str, bytes] = {}
        """Of the content store, by digest."""


class File:
    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._turns = _TURNS[path.resolve()]
        self._local = local()
        self._threads: dict[Thread, Mine] = {}
        self._lock = Lock()
        _ = self.mine

    @property
    def mine(self) -> Mine:
        try:
            return self._local.mine
        except AttributeError:
            mine = self._local.mine = Mine(connect(self.path, self._schema, version=VERSION))
        with self._lock:
            self._threads[current_thread()] = mine
        self.inherit(ended=True)
        return mine

    def inherit(self, *, ended: bool) -> None:
        """Take over what other threads wanted stored, and close their connections; ``ended``: of those that ended."""
        mine = self.mine
        with self._lock:
            for thread, other in list(self._threads.items()):
                if other is not mine and not (ended and thread.is_alive()):
                    del self._threads[thread]
                    mine.soon += other.soon
                    mine.rows |= other.rows
                    other.connection.close()

    @contextmanager
    def writing(self, *, synced: bool) -> Generator[None]:
        """BEGIN IMMEDIATE takes the writer's place before the chain's end is read: two writers never fork it.

        ``synced``: on disk when it ends; else a loss of power may take it away until the next that is, a kill never.
        """
        connection = self.mine.connection
        self._turns.take()
        try:
            if not synced:
                connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        finally:
            if not synced:
                connection.execute("PRAGMA synchronous=FULL")
            self._turns.give()

    def close(self) -> None:
        with self._lock:
            for mine in self._threads.values():
                mine.connection.close()
            self._threads.clear()
