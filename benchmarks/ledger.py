"""The ledger beside bare SQLite: appending in batches of 500 with one fsync each, and verifying.

Run: python benchmarks/ledger.py

The yardsticks insert the ledger's own rows into a table without any index or trigger, through the same WAL with
synchronous=FULL. "all columns" is the one the bound is about; "bodies only" stores nothing but the events' JSON.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from measure import Row, ratios, show

from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.units import digest_of
from meshclaw.ledger.ledger import Ledger

ROUNDS = 9
BATCH = 500
BATCHES = 20
VERIFIED = 100_000
VERIFY_ROUNDS = 5

Rows = Sequence[Sequence[object]]


def decided(number: int) -> ActionDecided:
    """A typical one: a mail to be moved."""
    digest = digest_of(number)
    return ActionDecided(
        run="01936b5e-8d2a-7c3e-9f10-1234567890ab", intent="mail.triage", agent="mail-triage@1",
        external_id=digest[:32], verb="mail.move", effect="label", digest=digest,
        arguments={
            "folder": "INBOX", "ref": f"1732190400.M{number}P2Q1.host", "to": "Bulk", "message": digest,
            "message_id": f"<{digest[:24]}@mail.example.com>",
        },
        sealed={}, undoes="", verdict="allow", rule="autonomy.act_with_undo",
    )  # fmt: skip


def ours(folder: Path, batches: Sequence[Sequence[ActionDecided]]) -> float:
    folder.mkdir()
    ledger = Ledger(folder)
    before = time.perf_counter()
    for batch in batches:
        ledger.record(*batch)
    took = time.perf_counter() - before
    ledger.close()
    return took


def bare(path: Path, rows: Rows) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    width = len(rows[0])
    connection.execute(f"CREATE TABLE event ({', '.join(f'c{at}' for at in range(width))})")
    insert = f"INSERT INTO event VALUES ({', '.join('?' * width)})"
    before = time.perf_counter()
    for start in range(0, len(rows), BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(insert, rows[start : start + BATCH])
        connection.execute("COMMIT")
    took = time.perf_counter() - before
    connection.close()
    return took


def stored(folder: Path) -> Rows:
    connection = sqlite3.connect(folder / "ledger.db")
    rows = connection.execute("SELECT * FROM event ORDER BY seq").fetchall()
    connection.close()
    return rows


def one_round(scratch: Path, batches: Sequence[Sequence[ActionDecided]]) -> tuple[float, float, float]:
    """Seconds of ours, of all columns and of the bodies only."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        took = ours(folder / "ours", batches)
        rows = stored(folder / "ours")
        bodies = [(row[4],) for row in rows]
        return took, bare(folder / "columns.db", rows), bare(folder / "bodies.db", bodies)


def append(scratch: Path) -> list[Row]:
    batches = [[decided(at * BATCH + step) for step in range(BATCH)] for at in range(BATCHES)]
    one_round(scratch, batches)
    found = [one_round(scratch, batches) for _ in range(ROUNDS)]
    took, columns, bodies = (
        [1000 * seconds / BATCHES for seconds in side] for side in zip(*found, strict=True)
    )
    return [
        Row(what="append of 500 events", values=took, unit="ms"),
        Row(what="executemany, all columns", values=columns, unit="ms"),
        Row(what="executemany, bodies only", values=bodies, unit="ms"),
        Row(what="append / all columns", values=ratios(took, columns), unit="times", at_most=2.5),
        Row(what="append / bodies only", values=ratios(took, bodies), unit="times"),
    ]


def verify(folder: Path) -> Row:
    folder.mkdir()
    ledger = Ledger(folder)
    for start in range(0, VERIFIED, BATCH):
        ledger.record(*(decided(number) for number in range(start, start + BATCH)))
    ledger.sign_head()
    rates = [rate(ledger) for _ in range(VERIFY_ROUNDS)]
    ledger.close()
    return Row(what="verify, events per CPU-second", values=rates, at_least=100_000)


def rate(ledger: Ledger) -> float:
    before = time.process_time()
    verdict = ledger.verify()
    took = time.process_time() - before
    if not verdict.ok or verdict.events != VERIFIED:
        raise SystemExit(f"the ledger does not verify: {verdict}")
    return VERIFIED / took


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        raise SystemExit(show([*append(Path(name)), verify(Path(name) / "verified")]))
