"""The kill switch works while a call is under way, for everybody, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from meshclaw.flow.action import Action
from meshclaw.flow.event.action import ActionFailed
from meshclaw.flow.run import Run
from meshclaw.guard.layers import stop
from meshclaw.runs import act
from meshclaw.runs.act import Door
from meshclaw.testing.connector import NOTE, FakeConnector
from tests.runs.conftest import AGENT


def notes(run: Run, count: int) -> list[Action]:
    return [Action(run=run.id, verb=NOTE, arguments={"text": str(n)}) for n in range(count)]


def test_a_stopped_claw_does_nothing_and_goes_on_where_it_was(
    door: Door, begin: Callable[[], Run], world: FakeConnector, home: Path
) -> None:
    run = begin()
    stop.put(home, "wait")
    results = door.act(run, AGENT, notes(run, 3), by_person=True)
    assert {(one.stand, one.decision.rule if one.decision else "") for one in results} == {
        ("denied", "stop.person")
    }
    assert world.performed == []
    stop.lift(home)
    assert {one.stand for one in door.act(run, AGENT, notes(run, 3))} == {"done"}


def test_a_stop_takes_hold_between_the_batches_of_one_call(
    door: Door, begin: Callable[[], Run], world: FakeConnector, home: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(act, "BATCH", 2)
    run = begin()
    one_of_them = world._one

    def pulled(action: Action) -> object:
        if len(world.performed) == 4:
            stop.put(home, "now")
        return one_of_them(action)

    monkeypatch.setattr(world, "_one", pulled)
    results = door.act(run, AGENT, notes(run, 7))
    assert [one.stand for one in results] == ["done"] * 4 + ["denied"] * 3
    assert world.world == ["0", "1", "2", "3"]
    assert [event.error for event in door.ledger.events(ActionFailed, run=run.id)] == ["stopped"] * 3
    assert door.settle(run, AGENT) == 0  # nothing is left in doubt
    stop.lift(home)
    assert [one.stand for one in door.act(run, AGENT, notes(run, 7))] == ["done"] * 7
    assert world.world == [str(n) for n in range(7)]


def test_the_fleet_s_stop_is_named_first(
    door: Door, begin: Callable[[], Run], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "FLEET", tmp_path / "fleet")
    (tmp_path / "fleet").write_text("recall")
    stop.put(home, "mine")
    run = begin()
    [result] = door.act(run, AGENT, notes(run, 1))
    assert result.decision is not None
    assert result.decision.rule == "stop.fleet"
    assert "recall" not in result.decision.reason  # it goes into the ledger; the words are for the screen
