"""The one door: decide, record the decision, reserve, perform, record the receipt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from meshclaw.agents import builtin
from meshclaw.flow.action import Action
from meshclaw.flow.approval import Approval
from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionPerformed, ActionUnknown
from meshclaw.flow.event.approval import ApprovalAsked
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.run import Run
from meshclaw.flow.units import utc_now
from meshclaw.guard.approvals import LONGEST
from meshclaw.ledger import ledger as ledger_module
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs import approve, resume, undo
from meshclaw.runs.act import Door
from meshclaw.runs.approve import Seen
from meshclaw.runs.outbox import Outbox
from meshclaw.runs.run import approvals, cancel, finish, tell
from meshclaw.testing.connector import LOOK, NOTE, POST, FakeConnector
from tests.runs.conftest import AGENT

Begin = Callable[[], Run]


def seen(approval: Approval) -> Seen:
    return Seen(shown=approval.shown)


def note(run: Run, text: str) -> Action:
    return Action(run=run.id, verb=NOTE, arguments={"text": text})


def post(run: Run, text: str, to: str = "bob@example.com") -> Action:
    return Action(run=run.id, verb=POST, arguments={"text": text, "to": to})


def test_the_decision_is_stored_before_the_deed(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    seen: list[list[str]] = []
    one = world._one
    world._one = lambda action: (
        seen.append([type(e).__name__ for e in ledger.events(run=action.run)]),
        one(action),
    )[1]  # type: ignore[method-assign]
    run = begin()
    [result] = door.act(run, AGENT, [note(run, "x")])
    assert seen == [["RunStarted", "ActionDecided"]]
    assert result.stand == "done"
    [performed] = ledger.events(ActionPerformed)
    assert (performed.external_id, performed.link) == (result.action.external_id, "fake/x")


def test_a_denied_action_is_recorded_and_never_performed(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    run = begin()
    [result] = door.act(run, AGENT, [Action(run=run.id, verb="fake.launch", arguments={})])
    assert (result.stand, world.performed) == ("denied", [])
    [decided] = ledger.events(ActionDecided)
    assert (decided.verdict, decided.rule, decided.effect) == ("deny", "declaration", "admin")


def test_the_same_action_of_the_same_run_happens_once(door: Door, begin: Begin, world: FakeConnector) -> None:
    run = begin()
    first = door.act(run, AGENT, [note(run, "x")])
    second = door.act(run, AGENT, [note(run, "x")])
    assert world.world == ["x"]
    assert first[0].receipt == second[0].receipt


def test_the_same_action_twice_in_one_breath_happens_once(
    door: Door, begin: Begin, world: FakeConnector
) -> None:
    run = begin()
    results = door.act(run, AGENT, [note(run, "x"), note(run, "y"), note(run, "x")])
    assert world.world == ["x", "y"]
    assert [result.stand for result in results] == ["done"] * 3


def test_a_read_is_done_each_time(door: Door, begin: Begin, world: FakeConnector) -> None:
    run = begin()
    look = Action(run=run.id, verb=LOOK, arguments={})
    assert door.act(run, AGENT, [look])[0].value == []
    world.world.append("new")
    assert door.act(run, AGENT, [look])[0].value == ["new"]


def test_content_never_enters_an_event(door: Door, begin: Begin, ledger: Ledger) -> None:
    run = begin()
    door.act(run, AGENT, [post(run, "the secret text", "carol@example.com")])
    for stored in ledger._db.execute("SELECT body FROM event"):
        assert b"secret text" not in stored[0]
        assert b"carol" not in stored[0]
    [decided] = ledger.events(ActionDecided)
    assert door.restore(decided) == post(run, "the secret text", "carol@example.com")


def test_an_ask_waits_survives_a_restart_and_is_performed_once_allowed(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    run = begin()
    [asked] = door.act(run, AGENT, [post(run, "hello")])
    finish(ledger, run)
    assert (asked.stand, world.world) == ("asked", [])
    again = Ledger(ledger.path.parent)  # another process, later
    told = tell(again, door.contents, run.id)
    assert told.state == "waiting"
    [waiting] = approvals(again).open()
    assert waiting.digest == post(run, "hello").digest
    again.close()
    result = approve.allow(door, told, waiting, seen(waiting))
    assert (result.stand, world.world) == ("done", ["hello"])
    assert tell(ledger, door.contents, run.id).state == "done"
    with pytest.raises(Exception, match="allowed already"):
        approve.allow(door, told, approvals(ledger).get(waiting.id), seen(waiting))
    assert world.world == ["hello"]


def test_asking_twice_for_the_same_thing_keeps_one_approval(door: Door, begin: Begin, ledger: Ledger) -> None:
    run = begin()
    first, second = (door.act(run, AGENT, [post(run, "hello")])[0].approval for _ in range(2))
    assert first == second
    assert len(list(ledger.events(ApprovalAsked))) == 1


def test_a_denied_approval_is_final_and_demotes(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    ledger.record(AutonomyChanged(agent="tester@1", verb=POST, level="one_tap", by="person"))
    run = begin()
    door.act(run, AGENT, [post(run, "hello")])
    finish(ledger, run)
    [waiting] = approvals(ledger).open()
    approve.deny(ledger, tell(ledger, door.contents, run.id), waiting, door.declaration(POST), seen(waiting))
    assert [(e.level, e.by) for e in ledger.events(AutonomyChanged)] == [
        ("one_tap", "person"),
        ("draft", "rejection"),
    ]
    assert door.act(run, AGENT, [post(run, "hello")])[0].decision.rule == "approval.denied"  # type: ignore[union-attr]
    assert world.world == []


def test_an_approval_expires(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin()
    door.act(run, AGENT, [post(run, "hello")])
    finish(ledger, run)
    later = utc_now() + LONGEST + timedelta(seconds=1)
    monkeypatch.setattr(ledger_module, "utc_now", lambda: later)
    [late] = approvals(ledger).all()
    assert late.state == "expired"
    with pytest.raises(Exception, match="expired already"):
        approve.allow(door, tell(ledger, door.contents, run.id), late, seen(late))
    assert tell(ledger, door.contents, run.id).state == "done"
    assert world.world == []


def test_an_allowed_action_that_was_edited_in_the_store_is_not_performed(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    run = begin()
    door.act(run, AGENT, [post(run, "hello", "bob@example.com")])
    finish(ledger, run)
    changed = door.ledger._db.execute(
        "UPDATE content SET body = replace(body, 'bob@', 'eve@') WHERE instr(body, 'bob@')"
    )
    assert changed.rowcount == 2  # the argument and the slip
    [waiting] = approvals(ledger).open()
    with pytest.raises(Exception, match="was changed"):
        approve.allow(door, tell(ledger, door.contents, run.id), waiting, seen(waiting))
    assert world.world == []


def test_a_certain_failure_may_be_tried_again(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    run = begin()
    world.faults["x"] = "before"
    assert door.act(run, AGENT, [note(run, "x")])[0].stand == "failed"
    world.faults.clear()
    assert door.act(run, AGENT, [note(run, "x")])[0].stand == "done"
    assert world.world == ["x"]
    assert [e.error for e in ledger.events(ActionFailed)] == ["not_reachable"]


def test_a_lost_answer_is_probed_and_not_repeated(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    run = begin()
    world.faults["x"] = "after"
    assert door.act(run, AGENT, [note(run, "x")])[0].stand == "unknown"
    world.faults.clear()
    assert door.act(run, AGENT, [note(run, "x")])[0].stand == "done"
    assert world.world == ["x"]
    assert [e.found for e in ledger.events(ActionPerformed)] == [True]


def test_what_no_probe_can_see_stays_unknown_and_is_never_repeated(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    run = begin()
    world.faults["x"] = "blind"
    for _ in range(3):
        assert door.act(run, AGENT, [note(run, "x")])[0].stand == "unknown"
    assert world.world == ["x"]
    assert len(list(ledger.events(ActionUnknown))) == 1


def test_undo_takes_back_newest_first_and_only_once(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "UNDO", AGENT)
    run = begin()
    door.act(run, AGENT, [note(run, text) for text in "abc"])
    finish(ledger, run)
    order: list[str] = []
    remove = world._one
    world._one = lambda action: (order.append(str(action.arguments["text"])), remove(action))[1]  # type: ignore[method-assign]
    told = tell(ledger, door.contents, run.id)
    undone = undo.undo(door, told, undo.plan(door, told))
    assert (undone.undone, undone.failed, order, world.world) == (3, 0, ["c", "b", "a"], [])
    assert tell(ledger, door.contents, run.id).state == "undone"
    assert undo.plan(door, told) == []


def test_a_stopped_run_must_be_resumed_before_it_is_undone(door: Door, begin: Begin, ledger: Ledger) -> None:
    run = begin()
    door.act(run, AGENT, [note(run, "x")])
    told = tell(ledger, door.contents, run.id)
    assert told.state == "running"
    with pytest.raises(Exception, match="stopped in the middle"):
        undo.undo(door, told, undo.plan(door, told))


def test_resume_does_what_certainly_did_not_happen(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin()
    monkeypatch.setattr(world, "perform", lambda actions: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):  # as good as a kill: decided and reserved, nothing more
        door.act(run, AGENT, [note(run, "x"), note(run, "y")])
    monkeypatch.undo()
    monkeypatch.setitem(builtin.AGENTS, "tester", AGENT)
    monkeypatch.setitem(__import__("meshclaw.guard.intents").guard.intents.INTENTS, "test.work", AGENT.rights)
    assert [item.stand for item in Outbox(ledger).items.values()] == ["reserved", "reserved"]
    results = resume.settle(door, tell(ledger, door.contents, run.id))
    assert [result.stand for result in results] == ["done", "done"]
    assert world.world == ["x", "y"]


def test_cancel_closes_what_waits(door: Door, begin: Begin, world: FakeConnector, ledger: Ledger) -> None:
    run = begin()
    door.act(run, AGENT, [post(run, "hello")])
    finish(ledger, run)
    assert cancel(ledger, tell(ledger, door.contents, run.id)) == 1
    assert tell(ledger, door.contents, run.id).state == "cancelled"
    assert approvals(ledger).open() == []
    with pytest.raises(Exception, match="cancelled already"):
        cancel(ledger, tell(ledger, door.contents, run.id))


def test_undo_withdraws_what_still_waits(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "UNDO", AGENT)
    run = begin()
    door.act(run, AGENT, [note(run, "x"), post(run, "hello")])
    finish(ledger, run)
    told = tell(ledger, door.contents, run.id)
    undo.undo(door, told, undo.plan(door, told))
    [withdrawn] = approvals(ledger).all()
    assert withdrawn.state == "withdrawn"
    assert door.act(run, AGENT, [post(run, "hello")])[0].decision.rule == "approval.withdrawn"  # type: ignore[union-attr]
    assert world.world == []


def test_every_run_ends_in_a_signed_verified_ledger(door: Door, begin: Begin, ledger: Ledger) -> None:
    run = begin()
    door.act(run, AGENT, [note(run, "x")])
    finish(ledger, run)
    head = ledger.sign_head()
    assert head is not None
    assert head.seq == ledger.newest()
    assert ledger.verify().ok
