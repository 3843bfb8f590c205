"""Leases on the claw: what a call of a model can cost is held before it is made, out of money that the hub leased.

Kept in ``leases.db``, so that runs in several processes share them, and a crash leaves what was held as used.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from meshclaw.errors import NotReachable, Refused, Throttled
from meshclaw.flow.mesh import Leased, Returned, Wanted
from meshclaw.ledger.ledger import timestamp
from meshclaw.mesh.client import Client
from meshclaw.sqlite import connect, telling

SCHEMA = """
CREATE TABLE lease (
  id TEXT PRIMARY KEY, intent TEXT NOT NULL, agent TEXT NOT NULL, micros INTEGER NOT NULL, until TEXT NOT NULL,
  used INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE wish (intent TEXT NOT NULL, agent TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (intent, agent));
CREATE TABLE bound (one INTEGER PRIMARY KEY);
CREATE TABLE free (intent TEXT NOT NULL, agent TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (intent, agent));
"""
A_WHILE = 1_000_000
"""A dollar: what a claw would like to have."""
TRIES = 3
"""Of getting a lease that no other run has used up before this one."""
FORGOTTEN = timedelta(hours=1)
"""After a lease's end, what is still held is nobody's any more: a crash left it."""


class Purse:
    """``client`` makes one when it is needed; ``goes_on``: without the hub, whatever the budget."""

    def __init__(
        self, folder: Path, client: Callable[[], Client], now: Callable[[], datetime], *,
        goes_on: bool, shared: frozenset[str], warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._path = folder / "leases.db"
        self._client, self._now, self._goes_on, self._shared, self._warn = client, now, goes_on, shared, warn

    def take(self, intent: str, agent: str, micros: int) -> str:
        """Hold ``micros``: the lease's id, empty where no budget binds. Raises Refused where there is no money left."""
        name = agent.partition("@")[0]
        who = (intent, name if name in self._shared else "own")
        for _ in range(TRIES):
            if (held := self._hold(who, micros)) is not None:
                return held
            wanted = self._wish(who, micros)
            try:
                leased = self._client().lease(wanted)
            except (NotReachable, Throttled) as error:
                if self._goes_on or not self._is_bound(who):
                    return ""
                raise Refused(
                    f"your company's budget has to be asked for more, and {error.message}",
                    fix="What was leased is used up; it goes on when the hub answers again.",
                ) from error
            except Refused:
                self._answered(who, wanted, bound=True)
                raise
            self._keep(who, wanted, leased)
        raise Refused("other runs use up what the hub leases faster than this one gets to it")

    def settle(self, lease: str, held: int, used: int) -> None:
        """What was held became ``used``."""
        if lease:
            with self._changing() as db:
                db.execute(
                    "UPDATE lease SET held = max(0, held - ?), used = used + ? WHERE id = ?",
                    (held, used, lease),
                )

    def _hold(self, who: tuple[str, str], micros: int) -> str | None:
        """None where the hub has to be asked."""
        with self._changing() as db:
            now = timestamp(self._now())
            free = "SELECT 1 FROM free WHERE intent = ? AND agent = ? AND until > ?"
            if db.execute(free, (*who, now)).fetchone():
                return ""
            row = db.execute(
                "SELECT id FROM lease WHERE intent = ? AND agent = ? AND until > ? AND micros - used - held >= ?"
                " ORDER BY until",
                (*who, now, micros),
            ).fetchone()
            if row is None:
                return None
            db.execute("UPDATE lease SET held = held + ? WHERE id = ?", (micros, row[0]))
            return row[0]

    def _wish(self, who: tuple[str, str], micros: int) -> Wanted:
        """With a key that stays until it was answered, and what is not used any more."""
        with self._changing() as db:
            db.execute("INSERT OR IGNORE INTO wish VALUES (?, ?, ?)", (*who, secrets.token_hex(16)))
            [key] = db.execute("SELECT key FROM wish WHERE intent = ? AND agent = ?", who).fetchone()
            now = self._now()
            rows = db.execute(
                "SELECT id, used + held FROM lease WHERE held = 0 AND (until <= ? OR (intent = ? AND agent = ?))"
                " OR until <= ? ORDER BY until LIMIT 100",
                (timestamp(now), *who, timestamp(now - FORGOTTEN)),
            ).fetchall()
            # From here on nothing can be taken out of what is given back.
            db.executemany("UPDATE lease SET until = '' WHERE id = ?", [(id_,) for id_, _ in rows])
        back = tuple(Returned(id=id_, used=used) for id_, used in rows)
        most = max(micros, A_WHILE)
        return Wanted(key=key, intent=who[0], agent=who[1], least=micros, most=most, back=back)

    def _keep(self, who: tuple[str, str], wanted: Wanted, leased: Leased) -> None:
        with self._changing() as db:
            first = _answered(db, who, wanted, bound=leased.lease is not None)
            if leased.lease is None:
                db.execute("INSERT INTO free VALUES (?, ?, ?)", (*who, leased.free_until))
            elif first:  # another run that got the same answer may have used it up by now, and given it back
                one = leased.lease
                db.execute(
                    "INSERT INTO lease (id, intent, agent, micros, until) VALUES (?, ?, ?, ?, ?)",
                    (one.id, *who, one.micros, one.until),
                )
        if leased.warning:
            self._warn(leased.warning)

    def _answered(self, who: tuple[str, str], wanted: Wanted, *, bound: bool) -> None:
        with self._changing() as db:
            _answered(db, who, wanted, bound=bound)

    def _is_bound(self, who: tuple[str, str]) -> bool:
        """As far as the hub ever said: by a lease once, where it did not say that this purpose is free."""
        with self._changing() as db:
            free = db.execute("SELECT 1 FROM free WHERE intent = ? AND agent = ?", who).fetchone()
            return free is None and db.execute("SELECT 1 FROM bound").fetchone() is not None

    @contextmanager
    def _changing(self) -> Generator[sqlite3.Connection]:
        with telling(self._path), closing(connect(self._path, SCHEMA)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")


def _answered(db: sqlite3.Connection, who: tuple[str, str], wanted: Wanted, *, bound: bool) -> bool:
    """The wish is done, and what was given back with it is back. Whether it was not done before."""
    first = db.execute("DELETE FROM wish WHERE key = ?", (wanted.key,)).rowcount > 0
    db.executemany("DELETE FROM lease WHERE id = ?", [(one.id,) for one in wanted.back])
    db.execute("DELETE FROM free WHERE intent = ? AND agent = ?", who)
    if bound:
        db.execute("INSERT OR IGNORE INTO bound VALUES (1)")
    return first
