"""Services side by side: what fails is tried again, what cannot work says why, what is at work is let finish."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshclaw.daemon import service as services_
from meshclaw.daemon.alone import Known, alone, pid, tell, told
from meshclaw.daemon.following import follow
from meshclaw.daemon.service import Services, Standing
from meshclaw.errors import Busy, MeshClawError, Operational, UserError
from meshclaw.flow.event.guard import ClawStopped, StopLifted
from meshclaw.ledger.ledger import Ledger


class Fails:
    """Raises the errors it was given, one a try, then waits until it is stopped."""

    def __init__(self, *errors: MeshClawError) -> None:
        self.name = "test"
        self.at_work = threading.Lock()
        self._errors = list(errors)
        self.tries = 0

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        self.tries += 1
        if self._errors:
            raise self._errors.pop(0)
        ready()
        stop.wait()


def kept(service: Fails, until: Callable[[Services], bool]) -> list[Standing]:
    """How it stood, one after the other, until ``until``."""
    stop, seen = threading.Event(), list[Standing]()

    def changed(all_: Services) -> None:
        seen.append(all_.standing["test"])
        if until(all_):
            stop.set()

    Services([service], changed).run(stop)
    return seen


def test_what_failed_is_tried_again_and_then_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_, "RETRY_S", (0, 0.01, 300))
    failing = Fails(Operational("no server."), Operational("no server."))
    states = [one.state for one in kept(failing, lambda all_: all_.standing["test"].state == "ready")]
    assert states == ["waiting", "waiting", "ready"]
    assert failing.tries == 3


def test_what_a_person_has_to_mend_is_told_and_not_tried_again() -> None:
    failing = Fails(UserError("no such mailbox.", fix="Connect it."))
    [ended] = kept(failing, lambda all_: all_.ready)
    assert ended == Standing(state="ended", words="No such mailbox. Connect it.")
    assert failing.tries == 1


def test_a_stop_lets_what_is_at_work_finish() -> None:
    working, finished = Fails(), list[float]()
    stop = threading.Event()

    def work() -> None:
        with working.at_work:
            stop.set()
            time.sleep(0.2)
            finished.append(time.monotonic())

    threading.Thread(target=work, daemon=True).start()
    Services([working], lambda _: None).run(stop)
    assert len(finished) == 1


def test_one_daemon_per_folder_and_its_word_goes_with_it(tmp_path: Path) -> None:
    assert pid(tmp_path) is None
    with alone(tmp_path):
        assert pid(tmp_path) is not None
        assert told(tmp_path) is None
        known = Known(pid=1, started="2026-01-01T00:00:00Z", services={"mail": Standing(state="ready")})
        tell(tmp_path, known)
        assert told(tmp_path) == known
        with pytest.raises(Busy, match="runs already"), alone(tmp_path):
            pass
    assert pid(tmp_path) is None
    assert told(tmp_path) is None


def test_new_facts_are_heard_of_in_their_order_and_old_ones_are_not(tmp_path: Path) -> None:
    ledger, stop = Ledger(tmp_path), threading.Event()
    ledger.record(ClawStopped())
    following = follow(ledger, stop, ClawStopped, StopLifted, after=ledger.newest())
    ledger.record(StopLifted(after_ms=1), ClawStopped())
    assert [type(next(following).event) for _ in range(2)] == [StopLifted, ClawStopped]
    stop.set()
    assert list(following) == []
    ledger.close()
