"""What was or will be told to the hub, as a chain of its own: ``mesh.db``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from meshclaw.flow.fact import Fact
from meshclaw.flow.mesh import Ack, Batch
from meshclaw.flow.units import canonical
from meshclaw.mesh.sums import Key, Sums
from meshclaw.sqlite import connect, telling

SCHEMA = """
CREATE TABLE fact (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE told (
  key TEXT NOT NULL, field TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (key, field)) WITHOUT ROWID;
CREATE TABLE ack (seq INTEGER NOT NULL, ledger_seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (seq, ledger_seq));
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
START = bytes(32)


class Journal:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "mesh.db"
        self._db = connect(self.path, SCHEMA)

    @property
    def read(self) -> int:
        """Number of the last event of the ledger that facts were made of."""
        with telling(self.path):
            row = self._db.execute("SELECT value FROM setting WHERE name = 'read'").fetchone()
        return int(row[0]) if row else 0

    def new(self, sums: Mapping[tuple[Key, str], int]) -> Sums:
        """What sums of whole days come to beyond what was told of them; what shrank since is left as it was told."""
        new = Sums()
        with telling(self.path):
            for (key, field), number in sums.items():
                [told] = self._db.execute(
                    "SELECT COALESCE(SUM(number), 0) FROM told WHERE key = ? AND field = ?",
                    (_text(key), field),
                ).fetchone()
                if number > told:
                    new[key, field] = number - told
        return new

    def add(self, facts: Iterable[Fact], new: Mapping[tuple[Key, str], int], *, read: int) -> int:
        """The facts, that they tell what is ``new``, and how far the ledger was read: all of it or nothing.

        Returns how many facts the journal has now.
        """
        with telling(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                seq, hash_ = self._end()
                for fact in facts:
                    body = canonical(fact)
                    seq, hash_ = seq + 1, hashlib.sha256(hash_ + body).digest()
                    self._db.execute("INSERT INTO fact VALUES (?, ?, ?)", (seq, body, hash_))
                for (key, field), number in new.items():
                    self._db.execute(
                        "INSERT INTO told VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number",
                        (_text(key), field, number),
                    )
                self._db.execute("INSERT OR REPLACE INTO setting VALUES ('read', ?)", (str(read),))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return seq

    def facts(self, after: int = 0, most: int = 1 << 60) -> list[Fact]:
        with telling(self.path):
            rows = self._db.execute(
                "SELECT body FROM fact WHERE seq > ? ORDER BY seq LIMIT ?", (after, most)
            ).fetchall()
        return [msgspec.json.decode(body, type=Fact) for (body,) in rows]

    def batch(self, after: int, most: int, ledger: tuple[int, str] = (0, "")) -> Batch | None:
        """What follows number ``after``; None where nothing does."""
        facts = self.facts(after, most)
        if not facts:
            return None
        return Batch(
            first=after + 1,
            previous=self.hash_at(after),
            facts=tuple(facts),
            ledger_seq=ledger[0],
            ledger_hash=ledger[1],
        )

    def hash_at(self, seq: int) -> str:
        """Hex; empty where the journal does not reach that far."""
        if seq == 0:
            return START.hex()
        with telling(self.path):
            row = self._db.execute("SELECT hash FROM fact WHERE seq = ?", (seq,)).fetchone()
        return row[0].hex() if row else ""

    @property
    def length(self) -> int:
        return self._end()[0]

    @property
    def acknowledged(self) -> int:
        with telling(self.path):
            return self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM ack").fetchone()[0]

    def keep_ack(self, ack: Ack) -> None:
        """The hub's signature is the proof that the past was as it is told here."""
        with telling(self.path):
            self._db.execute(
                "INSERT OR REPLACE INTO ack VALUES (?, ?, ?)", (ack.seq, ack.ledger_seq, canonical(ack))
            )

    def acks(self) -> list[Ack]:
        with telling(self.path):
            rows = self._db.execute("SELECT body FROM ack ORDER BY ledger_seq, seq").fetchall()
        return [msgspec.json.decode(body, type=Ack) for (body,) in rows]

    def _end(self) -> tuple[int, bytes]:
        row = self._db.execute("SELECT seq, hash FROM fact ORDER BY seq DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (0, START)

    def close(self) -> None:
        self._db.close()


def _text(key: Key) -> str:
    return canonical(key).decode()
