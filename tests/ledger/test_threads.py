"""One ledger, many threads: each has its turn, none sees half of another's work, and what waits is never lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pytest

from meshclaw.errors import Busy
from meshclaw.flow.event.model import StepTaken
from meshclaw.flow.event.run import RunCancelled
from meshclaw.ledger import file
from meshclaw.ledger.ledger import Ledger


def in_a_thread(work: Callable[[], object]) -> None:
    thread = Thread(target=work)
    thread.start()
    thread.join()


def numbers(ledger: Ledger, *kinds: type[RunCancelled]) -> list[int]:
    return [event.open for event in ledger.events(*(kinds or (RunCancelled,)))]


def test_threads_write_one_chain(ledger: Ledger) -> None:
    def write(number: int) -> None:
        for step in range(20):
            ledger.contents.put([f"{number}/{step}"])
            with ledger.writing():
                seen = len(numbers(ledger))
                ledger.record(RunCancelled(run=str(number), open=seen))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert numbers(ledger) == list(range(160))
    assert ledger.verify().ok


def test_threads_write_in_the_order_in_which_they_asked(ledger: Ledger) -> None:
    threads = [
        Thread(target=lambda n=number: ledger.record(RunCancelled(run="x", open=n))) for number in range(12)
    ]
    with ledger.writing():
        for thread in threads:
            thread.start()
            time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert numbers(ledger) == list(range(12))


def test_who_waits_too_long_is_told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "PATIENCE_S", 0.05)
    caught: list[Busy] = []

    def write() -> None:
        try:
            ledger.record(RunCancelled(open=1))
        except Busy as error:
            caught.append(error)

    with ledger.writing():
        in_a_thread(write)
    assert len(caught) == 1
    assert caught[0].fix
    in_a_thread(write)
    assert numbers(ledger) == [1]


def test_what_is_stored_soon_comes_before_what_is_stored_next(ledger: Ledger, home: Path) -> None:
    ledger.soon(RunCancelled(open=1))
    other = Ledger(home)
    assert numbers(other) == []
    ledger.record(RunCancelled(open=2))
    assert numbers(other) == [1, 2]
    other.close()


def test_whoever_reads_its_kind_sees_it_and_whoever_reads_another_does_not_wait_for_it(
    ledger: Ledger, home: Path
) -> None:
    other = Ledger(home)
    ledger.soon(RunCancelled(open=1))
    assert list(ledger.events(StepTaken)) == []
    assert numbers(other) == []
    assert numbers(ledger) == [1]
    assert numbers(other) == [1]
    other.close()


def test_what_fails_takes_nothing_else_along(ledger: Ledger) -> None:
    ledger.soon(RunCancelled(open=1))
    [digest] = ledger.contents.put(["kept"])

    def fail() -> None:
        with ledger.writing():
            ledger.record(RunCancelled(open=2))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        fail()
    ledger.record(RunCancelled(open=3))
    assert numbers(ledger) == [1, 3]
    ledger.close()
    again = Ledger(ledger.path.parent)
    assert again.contents.get(digest) == b'"kept"'
    again.close()


def test_what_a_thread_left_waiting_is_stored_when_it_is_gone(ledger: Ledger, home: Path) -> None:
    in_a_thread(lambda: ledger.soon(RunCancelled(open=1)))
    ledger.close()
    again = Ledger(home)
    assert numbers(again) == [1]
    in_a_thread(lambda: again.soon(RunCancelled(open=2)))
    in_a_thread(lambda: again.record(RunCancelled(open=3)))  # the next one inherits
    assert numbers(again) == [1, 2, 3]
    again.close()


def test_contents_are_there_at_once_and_on_disk_with_the_next_event(ledger: Ledger, home: Path) -> None:
    first, second = ledger.contents.put(["a", "b"])
    assert ledger.contents.get(first) == b'"a"'
    other = Ledger(home)
    ledger.record(RunCancelled(open=1))
    assert other.contents.get(second) == b'"b"'
    other.close()
