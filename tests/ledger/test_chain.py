"""The issue: verification finds any changed, removed, reordered or inserted event and names the first bad one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshclaw.flow.event.run import RunCancelled
from meshclaw.ledger.chain import GENESIS, link
from meshclaw.ledger.ledger import Ledger

COUNT = 12


def fill(ledger: Ledger, count: int = COUNT) -> list[str]:
    ids = [event.id for event in ledger.record(*(RunCancelled(run=f"r{n}", open=n) for n in range(count)))]
    ledger.sign_head()
    return ids


def tamper(path: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """As somebody with the file and an SQLite shell would: the triggers go first."""
    db = sqlite3.connect(path)
    db.executescript("DROP TRIGGER IF EXISTS event_stays; DROP TRIGGER IF EXISTS event_remains;")
    for statement in statements:
        text, values = statement if isinstance(statement, tuple) else (statement, ())
        db.execute(text, values)
    db.commit()
    db.close()


def test_an_untouched_ledger_verifies_to_its_last_event(ledger: Ledger) -> None:
    fill(ledger)
    verdict = ledger.verify()
    assert (verdict.ok, verdict.events, verdict.first_bad, verdict.reason) == (True, COUNT, None, "")


def test_an_empty_ledger_verifies(ledger: Ledger) -> None:
    assert ledger.verify().ok
    assert ledger.sign_head() is None


@pytest.mark.parametrize("victim", [1, 5, COUNT])
def test_a_changed_byte_is_found_at_its_event(ledger: Ledger, victim: int) -> None:
    ids = fill(ledger)
    body = next(s for s in ledger.stored() if s.seq == victim)
    tamper(
        ledger.path,
        ("UPDATE event SET body = replace(body, '\"open\":', '\"open\":7') WHERE seq = ?", (victim,)),
    )
    verdict = ledger.verify()
    assert (verdict.ok, verdict.first_bad, verdict.events) == (False, ids[victim - 1], victim - 1)
    assert body.event.id == ids[victim - 1]


@pytest.mark.parametrize("column", ["id", "kind", "run"])
def test_an_index_column_that_lies_is_found(ledger: Ledger, column: str) -> None:
    ids = fill(ledger)
    tamper(ledger.path, f"UPDATE event SET {column} = 'lie' WHERE seq = 4")
    verdict = ledger.verify()
    assert not verdict.ok
    assert verdict.first_bad == ("lie" if column == "id" else ids[3])


def test_a_removed_event_is_found_at_the_next_one(ledger: Ledger) -> None:
    ids = fill(ledger)
    tamper(ledger.path, "DELETE FROM event WHERE seq = 6")
    verdict = ledger.verify()
    assert (verdict.ok, verdict.first_bad) == (False, ids[6])
    assert "event 6 is missing" in verdict.reason


def test_a_removed_event_is_found_even_when_the_numbers_are_closed_up(ledger: Ledger) -> None:
    ids = fill(ledger)
    tamper(ledger.path, "DELETE FROM event WHERE seq = 6", *(
        (f"UPDATE event SET seq = {n - 1} WHERE seq = {n}") for n in range(7, COUNT + 1)
    ))  # fmt: skip
    assert ledger.verify().first_bad == ids[6]


@pytest.mark.parametrize("cut", [1, 3, COUNT])
def test_a_cut_off_end_is_found_by_the_signed_head(ledger: Ledger, cut: int) -> None:
    ids = fill(ledger)
    tamper(ledger.path, f"DELETE FROM event WHERE seq > {COUNT - cut}")
    verdict = ledger.verify()
    assert (verdict.ok, verdict.events, verdict.first_bad) == (False, COUNT - cut, ids[-1])


def test_a_cut_off_end_is_found_when_the_heads_in_the_file_are_gone_too(ledger: Ledger) -> None:
    ids = fill(ledger)
    tamper(ledger.path, "DELETE FROM event WHERE seq > 3", "DELETE FROM head")
    assert ledger.verify().first_bad == ids[-1]


def test_two_swapped_events_are_found_at_the_first(ledger: Ledger) -> None:
    ids = fill(ledger)
    tamper(
        ledger.path,
        "UPDATE event SET seq = -1 WHERE seq = 4", "UPDATE event SET seq = 4 WHERE seq = 8",
        "UPDATE event SET seq = 8 WHERE seq = -1",
    )  # fmt: skip
    assert ledger.verify().first_bad == ids[7]


def test_an_inserted_event_is_found(ledger: Ledger) -> None:
    fill(ledger)
    tamper(
        ledger.path,
        f"INSERT INTO event SELECT {COUNT + 1}, 'made-up', kind, run, body, hash FROM event WHERE seq=2",
    )
    assert ledger.verify().first_bad == "made-up"


def test_a_history_written_again_with_a_right_chain_fails_at_the_signature(ledger: Ledger) -> None:
    """The attacker knows the format and recomputes every hash, but has no key."""
    ids = fill(ledger)
    db = sqlite3.connect(ledger.path)
    db.executescript("DROP TRIGGER event_stays; DROP TRIGGER event_remains;")
    previous = GENESIS
    for seq, body in db.execute("SELECT seq, body FROM event ORDER BY seq").fetchall():
        new = body.replace(b'"open":4', b'"open":5')
        previous = link(previous, new)
        db.execute("UPDATE event SET body = ?, hash = ? WHERE seq = ?", (new, previous, seq))
    db.commit()
    db.close()
    verdict = ledger.verify()
    assert (verdict.ok, verdict.first_bad) == (False, ids[0])
    assert "written again" in verdict.reason


def test_a_head_signed_by_another_device_is_found(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    other = tmp_path / "other"
    other.mkdir()
    stranger = Ledger(other)
    stranger.close()
    for name in ("device.key", "device.pub"):
        shutil.copy(other / name, ledger.path.parent / name)
    ledger.close()
    again = Ledger(ledger.path.parent)
    verdict = again.verify()
    again.close()
    assert not verdict.ok
    assert "signature" in verdict.reason


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_any_flipped_byte_of_any_stored_event_is_found(tmp_path: Path, position: int, flip: int) -> None:
    folder = tmp_path / f"{position}-{flip}"
    folder.mkdir(exist_ok=True)
    ledger = Ledger(folder)
    try:
        ids = fill(ledger)
        db = sqlite3.connect(ledger.path)
        db.executescript("DROP TRIGGER IF EXISTS event_stays;")
        bodies = db.execute("SELECT seq, body FROM event ORDER BY seq").fetchall()
        seq, body = bodies[position % len(bodies)]
        at = position % len(body)
        db.execute("UPDATE event SET body = ? WHERE seq = ?", (
            body[:at] + bytes([body[at] ^ flip]) + body[at + 1 :], seq,
        ))  # fmt: skip
        db.commit()
        db.close()
        assert ledger.verify().first_bad == ids[seq - 1]
    finally:
        ledger.close()


def test_the_triggers_refuse_a_change_by_our_own_code(ledger: Ledger) -> None:
    fill(ledger)
    refused: list[Callable[[], object]] = [
        lambda: ledger._db.execute("UPDATE event SET run = 'x' WHERE seq = 1"),
        lambda: ledger._db.execute("DELETE FROM event WHERE seq = 1"),
    ]
    for attempt in refused:
        with pytest.raises(sqlite3.IntegrityError, match="events never"):
            attempt()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET body = 'text instead of bytes' WHERE seq = 3",
        "UPDATE event SET body = CAST(body AS TEXT) WHERE seq = 3",
        "UPDATE event SET body = 7 WHERE seq = 3",
        "UPDATE event SET hash = 'no hash' WHERE seq = 3",
        "UPDATE event SET hash = zeroblob(32) WHERE seq = 3",
    ],
)
def test_a_column_of_another_type_is_a_change_and_not_a_crash(ledger: Ledger, statement: str) -> None:
    ids = fill(ledger)
    tamper(ledger.path, statement)
    assert ledger.verify().first_bad == ids[2]


@pytest.mark.parametrize("body", ["x'00'", "'{}'", "NULL"])
def test_a_damaged_head_is_told(ledger: Ledger, body: str) -> None:
    fill(ledger)
    tamper(ledger.path, f"UPDATE OR IGNORE head SET body = {body}", "DELETE FROM head WHERE body IS NULL")
    if body == "NULL":  # the column forbids it, so nothing changed
        assert ledger.verify().ok
    else:
        assert not ledger.verify().ok
