"""Answers: to exactly what was shown, once, in time, by another way than the one under attack, by two where needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meshclaw.errors import Busy, NotReachable, UserError
from meshclaw.flow.action import Action
from meshclaw.flow.approval import Approval, SecondAnswer
from meshclaw.flow.decision import ask
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked, ApprovalSeconded
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.run import Run
from meshclaw.flow.slip import Enclosed
from meshclaw.flow.units import utc_now
from meshclaw.guard.decide import LAYERS
from meshclaw.guard.layers.review import pin
from meshclaw.ledger import ledger as ledger_module
from meshclaw.ledger.device import Device
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs import approve, canary
from meshclaw.runs.act import Door
from meshclaw.runs.approve import Seen
from meshclaw.runs.ask import Persons, slip_of
from meshclaw.runs.deciding import Parts
from meshclaw.runs.result import Result
from meshclaw.runs.resume import settle
from meshclaw.runs.run import approvals, finish, tell, tell_stopped, unused
from meshclaw.testing.connector import LOOK, POST, ROLL, FakeConnector
from tests.runs.conftest import AGENT, change

Begin = Callable[[], Run]


@pytest.fixture
def asked(door: Door, begin: Begin, ledger: Ledger) -> Callable[..., Approval]:
    """Acts in a run of its own and returns what then waits."""

    def make(verb: str = POST, text: str = "hello", to: str = "bob@example.com", **more: Any) -> Approval:
        run = begin()
        run = msgspec.structs.replace(run, request=msgspec.structs.replace(run.request, **more))
        arguments = {} if verb == LOOK else {"text": text, "to": to}
        [result] = door.act(run, AGENT, [Action(run=run.id, verb=verb, arguments=arguments)])
        finish(ledger, run)
        assert result.stand == "asked", result
        return approvals(ledger).get(result.approval)

    return make


def allow(door: Door, approval: Approval, **more: Any) -> Result:
    told = tell(door.ledger, door.contents, approval.run)
    return approve.allow(door, told, approval, Seen(**{"shown": approval.shown, **more}))


def rule(result: Result) -> str:
    return result.decision.rule if result.decision else ""


# -- what was shown ------------------------------------------------------------------------


def test_the_ask_and_the_answer_hold_the_digest_of_the_slip(
    door: Door, asked: Callable[..., Approval], ledger: Ledger, world: FakeConnector
) -> None:
    world.enclosures["hello"] = {"draft": Enclosed(role="text", value="Dear Bob")}
    waiting = asked()
    slip = slip_of(door.contents, waiting)
    assert slip is not None
    assert (slip.digest, slip.enclosed["draft"].value) == (waiting.shown, "Dear Bob")
    assert allow(door, waiting, read_ms=5_000).stand == "done"
    [answer] = ledger.events(ApprovalAnswered)
    assert (answer.shown, answer.channel, answer.read_ms) == (waiting.shown, "terminal", 5_000)
    assert not any(b"Dear Bob" in row[0] for row in ledger._db.execute("SELECT body FROM event"))


def test_an_answer_to_another_slip_allows_nothing(
    door: Door, asked: Callable[..., Approval], world: FakeConnector
) -> None:
    result = allow(door, asked(), shown="0" * 64)
    assert (result.stand, rule(result), world.world) == ("denied", "approval.drift", [])


def test_what_changed_since_it_was_shown_is_denied(
    door: Door, asked: Callable[..., Approval], world: FakeConnector
) -> None:
    world.enclosures["hello"] = {"draft": Enclosed(role="text", value="Dear Bob")}
    waiting = asked()
    world.enclosures["hello"] = {"draft": Enclosed(role="text", value="Dear Eve")}
    result = allow(door, waiting)
    assert (result.stand, rule(result), world.world) == ("denied", "approval.drift", [])


def test_a_declaration_that_changed_since_is_denied(
    door: Door, asked: Callable[..., Approval], world: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = asked()
    other = msgspec.structs.replace(world.declarations[POST], words="Post something harmless")
    monkeypatch.setitem(world.declarations, POST, other)
    assert rule(allow(door, waiting)) == "approval.drift"
    assert world.world == []


def test_a_slip_that_was_forgotten_can_only_be_denied(
    door: Door, asked: Callable[..., Approval], world: FakeConnector
) -> None:
    waiting = asked()
    door.ledger._db.execute("DELETE FROM content WHERE digest = ?", (waiting.shown,))
    assert rule(allow(door, waiting)) == "approval.drift"
    assert world.world == []


def test_a_world_that_is_silent_while_it_is_looked_at_costs_no_answer(
    door: Door,
    asked: Callable[..., Approval],
    world: FakeConnector,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = asked()
    with monkeypatch.context() as patch:
        patch.setattr(world, "enclose", lambda _: (_ for _ in ()).throw(NotReachable("away")))
        with pytest.raises(NotReachable):
            allow(door, waiting)
    [stopped] = tell_stopped(ledger, door.contents)
    assert [result.stand for result in settle(door, stopped)] == ["done"]
    assert world.world == ["hello"]


def test_a_step_down_the_ladder_by_another_answer_is_no_drift(
    door: Door, asked: Callable[..., Approval], ledger: Ledger
) -> None:
    ledger.record(AutonomyChanged(agent="tester@1", verb=POST, level="one_tap", by="person"))
    first, second = asked(text="one"), asked(text="two")
    told = tell(ledger, door.contents, first.run)
    approve.deny(ledger, told, first, door.declaration(POST), Seen(shown=first.shown))
    assert [e.level for e in ledger.events(AutonomyChanged)] == ["one_tap", "draft"]
    assert allow(door, second).stand == "done"


# -- once, and in time ---------------------------------------------------------------------


def door_to(ledger: Ledger, like: Door, world: FakeConnector) -> Door:
    return Door(Parts(ledger=ledger, contents=like.contents, connectors={"fake": world}, ceiling=like.parts.ceiling,
        policies=like.parts.policies, person=like.parts.person, stopped=like.parts.stopped,
        reviewed={"fake": pin(world.declarations.values())},
    ))  # fmt: skip


def look(door: Door, run: Run) -> Result:
    [result] = door.act(run, AGENT, [Action(run=run.id, verb=LOOK, arguments={})])
    return result


def test_one_yes_is_for_one_time(
    door: Door, begin: Begin, home: Path, world: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read is done each time it is asked for: only here could one yes be used twice."""
    ledger = door.ledger
    monkeypatch.setitem(
        LAYERS, "test", lambda action, _: ask("test.look", "?") if action.verb == LOOK else None
    )
    run = begin()
    first = look(door, run)
    assert allow(door, approvals(ledger).get(first.approval)).stand == "done"
    assert [(e.verdict, e.approval) for e in ledger.events(ActionDecided)] == [
        ("ask", ""),
        ("allow", first.approval),
    ]
    again = look(door, run)
    assert (again.stand, again.approval != first.approval) == ("asked", True)
    with closing(Ledger(home)) as other:  # another process folds the same from the ledger
        third = look(door_to(other, door, world), run)
    assert (third.stand, third.approval, len(world.performed)) == ("asked", again.approval, 1)
    assert unused(approvals(ledger).all(), tell(ledger, door.contents, run.id).items) == []


def test_a_yes_survives_a_certain_failure_and_is_used_by_the_next_try(
    door: Door, asked: Callable[..., Approval], ledger: Ledger, world: FakeConnector
) -> None:
    waiting = asked()
    world.faults["hello"] = "before"
    assert allow(door, waiting).stand == "failed"
    world.faults.clear()
    [stopped] = tell_stopped(ledger, door.contents)
    assert [result.stand for result in settle(door, stopped)] == ["done"]
    assert world.world == ["hello"]
    assert [event.approval for event in ledger.events(ActionDecided)] == ["", waiting.id, waiting.id]


def test_of_two_processes_with_the_same_yes_one_uses_it(
    door: Door, asked: Callable[..., Approval], home: Path, world: FakeConnector
) -> None:
    waiting = asked()
    told = tell(door.ledger, door.contents, waiting.run)
    approve._answer(door.ledger, told, waiting, "allowed", Seen(shown=waiting.shown))
    action = door.restore(told.items[waiting.external_id].decided)
    look_at = door.deciding._look
    with closing(Ledger(home)) as ledger:
        other = door_to(ledger, door, world)

        def while_it_looks(actions: Any) -> Any:
            assert other.act(told.run, AGENT, [action])[0].stand == "done"  # the other process is quicker
            return look_at(actions)

        door.deciding._look = while_it_looks  # type: ignore[method-assign]
        with pytest.raises(Busy, match="another process"):
            door.act(told.run, AGENT, [action])
    assert world.world == ["hello"]


def test_of_two_answers_at_once_the_first_counts(
    door: Door, asked: Callable[..., Approval], ledger: Ledger, world: FakeConnector
) -> None:
    stale = asked()
    told = tell(ledger, door.contents, stale.run)
    approve.deny(ledger, told, stale, door.declaration(POST), Seen(shown=stale.shown))
    with pytest.raises(UserError, match="denied already"):
        allow(door, stale)
    assert world.world == []


@pytest.mark.parametrize(("verb", "hours"), [(POST, 24), (ROLL, 4)])
def test_the_more_is_at_stake_the_sooner_it_runs_out(
    asked: Callable[..., Approval], ledger: Ledger, monkeypatch: pytest.MonkeyPatch, verb: str, hours: int
) -> None:
    waiting = asked(verb)
    assert timedelta(hours=hours) >= waiting.expires - waiting.asked > timedelta(hours=hours, minutes=-1)
    late = utc_now() + timedelta(hours=hours)
    monkeypatch.setattr(ledger_module, "utc_now", lambda: late)
    assert approvals(ledger).get(waiting.id).state == "expired"


@pytest.mark.parametrize("answered", [False, True])
def test_setting_the_clock_back_revives_no_question_and_no_unused_yes(  # noqa: PLR0917 - pytest hands them over
    door: Door, asked: Callable[..., Approval], begin: Begin, ledger: Ledger, world: FakeConnector,
    monkeypatch: pytest.MonkeyPatch, answered: bool,
) -> None:  # fmt: skip
    waiting = asked()
    told = tell(ledger, door.contents, waiting.run)
    if answered:
        approve._answer(ledger, told, waiting, "allowed", Seen(shown=waiting.shown))
    early = utc_now()
    for moment in (early + timedelta(hours=25), early, early):
        monkeypatch.setattr(ledger_module, "utc_now", lambda moment=moment: moment)
        begin()  # any event: from here on the ledger's time is that of the clock again
    if answered:
        [result] = door.act(told.run, AGENT, [door.restore(told.items[waiting.external_id].decided)])
        assert rule(result) == "approval.expired"
    else:
        with pytest.raises(UserError, match="expired already"):
            allow(door, waiting)
    assert world.world == []


# -- another way ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "answered", "stand"),
    [
        ("chat", "chat", "denied"),
        ("chat", "terminal", "done"),
        ("terminal", "terminal", "done"),
        ("mail", "chat", "done"),
    ],
)
def test_an_answer_does_not_come_the_way_of_a_request_that_may_be_forged(
    door: Door, asked: Callable[..., Approval], came: str, answered: str, stand: str
) -> None:
    waiting = asked(trigger=came)
    assert waiting.channel == came
    result = allow(door, waiting, channel=answered)
    assert result.stand == stand
    if stand == "denied":  # and whoever holds that way cannot close the ask either
        assert rule(result) == "approval.channel"
        assert approvals(door.ledger).get(waiting.id).state == "open"


# -- two persons ---------------------------------------------------------------------------


@pytest.fixture
def colleague(tmp_path: Path) -> Device:
    (tmp_path / "colleague").mkdir()
    return Device(tmp_path / "colleague")


@pytest.fixture
def two(door: Door, colleague: Device) -> Door:
    change(door, persons=Persons(approvers={"bo": colleague.public, "me": door.ledger.device.public}))
    return door


def signed(device: Device, waiting: Approval, **more: Any) -> SecondAnswer:
    fields = {"approval": waiting.id, "digest": waiting.digest, "shown": waiting.shown, "answer": "allowed",
              "at": timestamp(utc_now()), "key": device.public.hex(), **more}  # fmt: skip
    unsigned = SecondAnswer(**fields)
    return msgspec.structs.replace(unsigned, signature=device.sign(unsigned.signed_bytes()).hex())


def second(door: Door, waiting: Approval, answer: SecondAnswer) -> Result:
    return approve.second(door, tell(door.ledger, door.contents, waiting.run), waiting, answer)


@pytest.mark.parametrize("mine_first", [True, False])
def test_it_takes_both_in_either_order(
    two: Door, asked: Callable[..., Approval], colleague: Device, world: FakeConnector, mine_first: bool
) -> None:
    ledger = two.ledger
    waiting = asked(ROLL)
    answers = [lambda: allow(two, waiting), lambda: second(two, waiting, signed(colleague, waiting))]
    first, last = answers if mine_first else answers[::-1]
    result = first()
    assert (result.stand, world.world) == ("asked", [])
    if mine_first:
        assert (rule(result), result.decision.needs) == (
            "approval.second",
            ("an answer signed by another person",),
        )  # type: ignore[union-attr]
        assert approvals(ledger).get(waiting.id).state == "one_of_two"
    assert tell_stopped(ledger, two.contents) == []  # it waits; nothing stopped in the middle
    assert last().stand == "done"
    assert (world.world, len(list(ledger.events(ApprovalAsked)))) == (["hello"], 1)


def test_one_person_is_not_two(two: Door, asked: Callable[..., Approval], world: FakeConnector) -> None:
    waiting = asked(ROLL)
    allow(two, waiting)
    with pytest.raises(UserError, match="does not list"):
        second(two, waiting, signed(two.ledger.device, waiting))
    with pytest.raises(UserError, match="answered by you already"):
        allow(two, waiting)
    assert world.world == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"digest": "0" * 64}, "another action"),
        ({"approval": "00000000"}, "another action"),
        ({"shown": "0" * 64}, "something else"),
        ({"key": "ab" * 32}, "does not list"),
        ({"key": "zz"}, "does not list"),
    ],
)
def test_an_answer_that_was_signed_for_something_else_does_not_count(
    two: Door, asked: Callable[..., Approval], colleague: Device, change: dict[str, str], told: str
) -> None:
    waiting = asked(ROLL)
    allow(two, waiting)
    with pytest.raises(UserError, match=told):
        second(two, waiting, signed(colleague, waiting, **change))
    assert tell(two.ledger, two.contents, waiting.run).count("done") == 0


@pytest.mark.parametrize("field", ["answer", "at", "signature"])
def test_an_answer_changed_after_it_was_signed_does_not_count(
    two: Door, asked: Callable[..., Approval], colleague: Device, world: FakeConnector, field: str
) -> None:
    waiting = asked(ROLL)
    allow(two, waiting)
    no = signed(colleague, waiting, answer="denied")
    forged = {"answer": "allowed", "at": "2030-01-01T00:00:00Z", "signature": "00" * 64}[field]
    with pytest.raises(UserError):
        second(two, waiting, msgspec.structs.replace(no, **{field: forged}))
    assert world.world == []


def test_a_signed_answer_is_for_one_ask(
    two: Door, asked: Callable[..., Approval], colleague: Device, world: FakeConnector
) -> None:
    """The same action asked again in another run has another slip: an old answer does not fit."""
    old, new = asked(ROLL), asked(ROLL)
    answer = signed(colleague, old)
    allow(two, new)
    with pytest.raises(UserError, match="another action"):
        second(two, new, answer)
    with pytest.raises(UserError, match="something else"):
        second(two, new, signed(colleague, new, shown=old.shown))
    assert world.world == []


def test_the_other_person_s_no_is_final(
    two: Door, asked: Callable[..., Approval], colleague: Device, ledger: Ledger, world: FakeConnector
) -> None:
    waiting = asked(ROLL)
    allow(two, waiting)
    assert rule(second(two, waiting, signed(colleague, waiting, answer="denied"))) == "approval.denied"
    with pytest.raises(UserError, match="denied already"):
        second(two, waiting, signed(colleague, waiting))
    assert (approvals(ledger).get(waiting.id).state, world.world) == ("denied", [])


def test_somebody_who_was_taken_off_the_list_meanwhile_does_not_count(
    two: Door, asked: Callable[..., Approval], colleague: Device, world: FakeConnector
) -> None:
    waiting = asked(ROLL)
    second(two, waiting, signed(colleague, waiting))
    change(two, persons=Persons())
    result = allow(two, waiting)
    assert (result.stand, rule(result), world.world) == ("asked", "approval.second", [])


def test_a_forged_event_of_a_second_answer_allows_nothing(
    two: Door, asked: Callable[..., Approval], colleague: Device, ledger: Ledger, world: FakeConnector
) -> None:
    waiting = asked(ROLL)
    forged = msgspec.structs.replace(signed(colleague, waiting), signature="00" * 64)
    ledger.record(ApprovalSeconded(run=waiting.run, approval=waiting.id, second=forged))
    result = allow(two, waiting)
    assert (rule(result), world.world) == ("approval.second", [])


def test_a_policy_that_takes_two_since_asks_again(
    door: Door, asked: Callable[..., Approval], ledger: Ledger, world: FakeConnector
) -> None:
    waiting = asked(POST)
    change(door, persons=Persons(two_person=frozenset({"send"})))
    result = allow(door, waiting)
    assert (result.stand, rule(result), world.world) == ("asked", "approval.second", [])
    assert approvals(ledger).get(result.approval).two


# -- canaries ------------------------------------------------------------------------------


def test_a_canary_is_never_done_and_nobody_s_fault(door: Door, ledger: Ledger) -> None:
    for answer in ("allow", "deny"):
        id_ = canary.plant(ledger, door.contents, subject="the fake world", sender="ada@example.com")
        planted = approvals(ledger).get(id_)
        assert (planted.state, planted.canary) == ("open", True)
        told = tell(ledger, door.contents, planted.run)
        if answer == "allow":
            assert rule(allow(door, planted)) == "approval.canary"
        else:
            approve.deny(ledger, told, planted, None, Seen(shown=planted.shown))
    assert list(ledger.events(AutonomyChanged)) == []
    assert tell_stopped(ledger, door.contents) == []


def test_every_lure_goes_where_nothing_can_go() -> None:
    assert all(lure.recipient.endswith(".invalid") for lure in canary.LURES)


# -- killed in between ---------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before the deed", "after the deed"])
def test_killed_between_the_yes_and_the_receipt_it_happens_once(
    door: Door,
    asked: Callable[..., Approval],
    world: FakeConnector,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    waiting = asked()
    one = world._one

    def killed(action: Action) -> Any:
        if moment == "after the deed":
            one(action)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(world, "_one", killed)
        with pytest.raises(KeyboardInterrupt):
            allow(door, waiting)
    [stopped] = tell_stopped(door.ledger, door.contents)
    settle(door, stopped)
    finish(door.ledger, stopped.run)
    after = tell(door.ledger, door.contents, waiting.run)
    assert (after.state, world.world) == ("done", ["hello"])
    assert after.items[waiting.external_id].used == {waiting.id}
