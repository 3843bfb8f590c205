"""The issue: a full disk, a locked file, a truncated database and a clock that jumps back each give a clear
error and lose nothing that was acknowledged."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meshclaw import sqlite
from meshclaw.errors import Busy, Damaged, NotFound, Operational
from meshclaw.flow.event.guard import ClockStepped
from meshclaw.flow.event.run import RunCancelled
from meshclaw.ledger import ledger as module
from meshclaw.ledger.ledger import Ledger


def test_a_full_disk_says_so_and_keeps_what_was_acknowledged(ledger: Ledger) -> None:
    """SQLite's own page limit gives the very SQLITE_FULL that a full disk gives."""
    ledger.record(RunCancelled(run="kept", open=1))
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(Operational, match="full; nothing that was recorded before is lost") as caught:
        ledger.record(*(RunCancelled(run="lost", open=n) for n in range(500)))
    assert caught.value.fix
    ledger._db.execute("PRAGMA max_page_count = 1000000")
    assert [event.run for event in ledger.events()] == ["kept"]
    ledger.record(RunCancelled(run="after", open=0))
    assert ledger.verify().events == 2


def test_a_full_real_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """A file system of 512 KB, filled to the brim by another file."""
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", mount], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        ledger = Ledger(mount)
        acknowledged = 0
        with pytest.raises(Operational, match="full"):
            for _ in range(200):
                ledger.record(*(RunCancelled(run="x", open=n) for n in range(20)))
                acknowledged += 20
        ledger.close()
        again = Ledger(mount)
        assert sum(1 for _ in again.events()) == acknowledged > 0
        assert again.verify().ok
        again.close()
    finally:
        subprocess.run(["umount", mount], check=True)


def test_a_locked_file_says_who_is_in_the_way(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.record(RunCancelled(open=1))
    ledger._db.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="another process is writing"):
        ledger.record(RunCancelled(open=2))
    other.execute("ROLLBACK")
    other.close()
    ledger.record(RunCancelled(open=3))
    assert [event.open for event in ledger.events(RunCancelled)] == [1, 3]


def test_a_truncated_database_is_damage_not_an_empty_ledger(home: Path) -> None:
    ledger = Ledger(home)
    ledger.record(*(RunCancelled(run="x" * 50, open=n) for n in range(400)))
    ledger.sign_head()
    ledger.close()
    size = ledger.path.stat().st_size
    for left in (size // 2, 4096, 100, 0):
        with ledger.path.open("r+b") as file:
            file.truncate(left)
        with pytest.raises(Damaged) as caught:
            opened = Ledger(home)
            try:
                assert not opened.verify().ok
                raise Damaged("the walk found it", fix="restore")
            finally:
                opened.close()
        assert caught.value.fix


def test_a_missing_database_beside_a_signed_head_is_damage(home: Path) -> None:
    ledger = Ledger(home)
    ledger.record(RunCancelled(open=1))
    ledger.sign_head()
    ledger.close()
    ledger.path.unlink()
    with pytest.raises(Damaged, match="gone or empty"):
        Ledger(home)


def test_a_clock_that_jumps_back_is_told_recorded_and_loses_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = datetime.now(UTC)
    ledger.record(RunCancelled(open=1))
    monkeypatch.setattr(module, "utc_now", lambda: before - timedelta(hours=2))
    with caplog.at_level(logging.WARNING):
        ledger.record(RunCancelled(open=2))
    assert "went back by 72" in caplog.text
    kinds = [type(event) for event in ledger.events()]
    assert kinds == [RunCancelled, ClockStepped, RunCancelled]
    [step] = ledger.events(ClockStepped)
    assert 7_190_000 < step.back_ms < 7_210_000
    assert ledger.verify().ok


def test_setting_the_clock_back_revives_nothing_that_expired(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    ledger.record(RunCancelled(open=1))
    monkeypatch.setattr(module, "utc_now", lambda: now - timedelta(days=30))
    assert ledger.now() >= now - timedelta(seconds=1)


def test_two_writers_never_fork_the_chain(home: Path) -> None:
    code = """
import sys
from pathlib import Path
from meshclaw.flow.event.run import RunCancelled
from meshclaw.ledger.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for n in range(60):
    ledger.record(RunCancelled(run=sys.argv[2], open=n))
ledger.close()
"""
    Ledger(home).close()
    writers = [subprocess.Popen([sys.executable, "-c", code, str(home), name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    ledger = Ledger(home)
    assert ledger.verify().events == 120
    for name in ("a", "b"):
        assert [e.open for e in ledger.events(RunCancelled, run=name)] == list(range(60))
    ledger.close()


def test_an_unknown_event_id_is_not_found(ledger: Ledger) -> None:
    ledger.record(*(RunCancelled(open=n) for n in range(2)))
    with pytest.raises(NotFound, match="no event has"):
        ledger.get("ffff")
    with pytest.raises(NotFound, match="several"):
        ledger.get("0")


def test_words_for_every_fault_come_from_sqlite_itself(tmp_path: Path) -> None:
    """A file that is no database at all, and a folder that does not exist."""
    fake = tmp_path / "ledger.db"
    fake.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(Damaged, match="not a database"):
        sqlite.connect(fake, module.SCHEMA)
    with pytest.raises(Operational, match="cannot be opened"):
        sqlite.connect(tmp_path / "nowhere" / "ledger.db", module.SCHEMA)


def test_a_new_file_is_for_its_owner_only(home: Path) -> None:
    ledger = Ledger(home)
    ledger.record(RunCancelled(open=1))
    for path in home.glob("ledger.db*"):
        assert path.stat().st_mode & 0o077 == 0, path.name
    ledger.close()
