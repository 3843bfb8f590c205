"""Budgets at the door: reserved before the deed, shared by all claws; a run that asks too much freezes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from meshclaw.flow.action import Action
from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.guard import AutonomyChanged, ClockStepped
from meshclaw.flow.event.run import RunFrozen
from meshclaw.flow.run import Run
from meshclaw.flow.units import utc_now
from meshclaw.guard.layers.review import pin
from meshclaw.guard.limits import DEFAULT, RunWindow, Window
from meshclaw.guard.spent import ALIKE, DAY
from meshclaw.ledger import ledger as ledger_module
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs import approve
from meshclaw.runs.act import Door
from meshclaw.runs.ask import Persons
from meshclaw.runs.deciding import Parts
from meshclaw.runs.run import approvals, finish, start, tell
from meshclaw.runs.spending import Spending
from meshclaw.testing.connector import LOOK, NOTE, POST, FakeConnector
from meshclaw.testing.policies import permit_all
from tests.runs.conftest import AGENT, change

Begin = Callable[[], Run]
ROOT = Path(__file__).parents[2]


def note(run: Run, text: str) -> Action:
    return Action(run=run.id, verb=NOTE, arguments={"text": text})


def post(run: Run, text: str, to: str = "bob@example.com") -> Action:
    return Action(run=run.id, verb=POST, arguments={"text": text, "to": to})


def look(run: Run) -> Action:
    return Action(run=run.id, verb=LOOK, arguments={})


@pytest.fixture
def limit(door: Door) -> Callable[..., None]:
    def limit(span: str, **numbers: int) -> None:
        window = RunWindow(**numbers) if span == "run" else Window(**numbers)
        change(door, limits=msgspec.structs.replace(DEFAULT, **{span: window}))

    return limit


def test_the_earlier_actions_of_the_same_breath_count_too(
    door: Door, begin: Begin, limit: Callable[..., None], world: FakeConnector
) -> None:
    limit("run", changes=2)
    run = begin()
    results = door.act(run, AGENT, [note(run, text) for text in "abc"])
    assert [result.stand for result in results] == ["done", "done", "denied"]
    assert world.world == ["a", "b"]
    assert results[2].decision is not None
    assert results[2].decision.rule == "budget.run.changes"
    [denied] = [event for event in door.ledger.events(ActionDecided) if event.verdict == "deny"]
    assert denied.rule == "budget.run.changes"


def test_another_run_and_another_process_count_in_the_hour(
    door: Door, begin: Begin, limit: Callable[..., None], ledger: Ledger
) -> None:
    limit("hour", changes=2)
    first, second = begin(), begin()
    door.act(first, AGENT, [note(first, "a")])
    again = Door(Parts(ledger=Ledger(ledger.path.parent), contents=door.contents, connectors=door.parts.connectors,
        ceiling=door.parts.ceiling, policies=door.parts.policies, person=door.parts.person,
        stopped=door.parts.stopped, limits=door.parts.limits,
        reviewed={"fake": pin(FakeConnector.declarations.values())},
    ))  # fmt: skip
    assert again.act(second, AGENT, [note(second, "b")])[0].stand == "done"
    assert door.act(first, AGENT, [note(first, "c")])[0].stand == "denied"
    again.ledger.close()


def test_two_processes_cannot_both_take_the_last_unit(home: Path) -> None:
    """Catalogue 69: 60 tries by two claws at once on 25 units, on real files."""
    limit, tries = 25, 30
    command = [sys.executable, "-m", "tests.runs.spending", str(home)]
    Ledger(home).close()
    racers = [
        subprocess.Popen(
            [*command, name, str(tries), str(limit)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for name in "ab"
    ]
    while any(
        racer.poll() is None and not (home / f"ready-{name}").exists()
        for racer, name in zip(racers, "ab", strict=True)
    ):
        time.sleep(0.01)
    (home / "go").touch()
    done = [int(racer.communicate(timeout=60)[0] or -1) for racer in racers]
    assert sum(done) == limit
    ledger = Ledger(home)
    decided = list(ledger.events(ActionDecided))
    assert sum(event.verdict == "allow" for event in decided) == limit
    assert len(decided) == 2 * tries
    assert ledger.verify().ok
    ledger.close()


def test_what_was_not_stored_is_not_spent(
    door: Door,
    begin: Begin,
    limit: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    world: FakeConnector,
) -> None:
    limit("run", changes=1)
    run = begin()
    door.act(run, AGENT, [look(run)])
    with monkeypatch.context() as broken:
        broken.setattr(door.ledger, "record", lambda *_: (_ for _ in ()).throw(RuntimeError("disk")))
        with pytest.raises(RuntimeError):
            door.act(run, AGENT, [note(run, "a")])
    assert world.world == []
    assert door.act(run, AGENT, [note(run, "b")])[0].stand == "done"


def test_a_failure_gives_its_recipient_back_and_a_restart_knows(
    door: Door, begin: Begin, limit: Callable[..., None], world: FakeConnector, ledger: Ledger
) -> None:
    limit("day", recipients=1)
    ledger.record(AutonomyChanged(agent="tester@1", verb=POST, level="autonomous", by="person"))
    run = begin()
    world.faults["x"] = "before"
    assert door.act(run, AGENT, [post(run, "x", "Bob@example.com")])[0].stand == "failed"
    assert door.act(run, AGENT, [post(run, "y", "eve@example.com")])[0].stand == "done"
    assert door.act(run, AGENT, [post(run, "z", "bob@example.com")])[0].stand == "denied"
    assert door.act(run, AGENT, [post(run, "z", "EVE@example.com")])[0].stand == "done"
    spent = Spending(ledger, run.id).refresh(ledger.now())
    assert (spent.day.used("recipients"), spent.day.used("calls")) == (1, 3)
    for body in ledger._db.execute("SELECT body FROM event"):
        assert b"eve@" not in body[0].lower()


def test_sub_agents_spend_what_their_run_may_spend(
    door: Door, begin: Begin, limit: Callable[..., None], ledger: Ledger
) -> None:
    """Catalogue 66 and 69: a child started later, and one whose parent a restarted claw learns from the ledger."""
    limit("run", changes=2, depth=1)
    root = begin()
    door.act(root, AGENT, [note(root, "a")])
    child, grandchild = (
        start(ledger, door.contents, request=root.request, agent=AGENT, subject="", parent=parent)
        for parent in (root.id, "")
    )
    assert door.act(child, AGENT, [note(child, "b")])[0].stand == "done"
    for run in (child, root):
        assert door.act(run, AGENT, [note(run, "c")])[0].stand == "denied"
    assert (
        door.act(grandchild, AGENT, [note(grandchild, "c")])[0].stand == "done"
    )  # it has no parent after all
    told = tell(ledger, door.contents, child.id)
    assert told.run.parent == root.id
    deep = start(ledger, door.contents, request=root.request, agent=AGENT, subject="", parent=child.id)
    [result] = door.act(deep, AGENT, [look(deep)])
    assert result.decision is not None
    assert result.decision.rule == "budget.depth"
    for run in (deep, root):
        assert Spending(ledger, run.id).refresh(ledger.now()).tree == {root.id, child.id, deep.id}


def test_a_run_that_goes_on_after_days_remembers_what_it_used(
    door: Door, begin: Begin, limit: Callable[..., None], ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit("run", changes=2)
    run = begin()
    door.act(run, AGENT, [note(run, "a")])
    child = start(ledger, door.contents, request=run.request, agent=AGENT, subject="", parent=run.id)
    door.act(child, AGENT, [note(child, "b")])
    later = utc_now() + timedelta(days=3)
    monkeypatch.setattr(ledger_module, "utc_now", lambda: later)
    spent = Spending(ledger, run.id).refresh(ledger.now())
    assert [spent.of(span).used("changes") for span in ("run", "hour", "day")] == [2, 0, 0]
    door.deciding._spent.clear()
    assert door.act(child, AGENT, [note(child, "c")])[0].stand == "denied"


def test_setting_the_clock_back_buys_nothing(
    door: Door, begin: Begin, limit: Callable[..., None], ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catalogue 69 and 71: on the same door and on one opened afterwards, and time goes on from where it was."""
    limit("hour", changes=1)
    run = begin()
    door.act(run, AGENT, [note(run, "a")])
    real = utc_now()
    for back, stand in ((timedelta(days=2), "denied"), (timedelta(days=2, minutes=-30), "denied")):
        monkeypatch.setattr(ledger_module, "utc_now", lambda back=back: real - back)
        assert door.act(run, AGENT, [note(run, f"b{back}")])[0].stand == stand
        door.deciding._spent.clear()
        assert door.act(run, AGENT, [note(run, f"c{back}")])[0].stand == stand
    assert len(list(ledger.events(ClockStepped))) == 1
    monkeypatch.setattr(ledger_module, "utc_now", lambda: real - timedelta(days=2, minutes=-61))
    assert door.act(run, AGENT, [note(run, "d")])[0].stand == "done"
    door.deciding._spent.clear()
    assert door.act(run, AGENT, [note(run, "e")])[0].stand == "denied"


def test_events_before_a_day_are_found_whatever_the_clock_did(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = utc_now()
    change = AutonomyChanged(agent="a", verb="v", level="draft", by="person")
    for hours in (-50, -30, -20, -60, -50):  # minus 60 is a step back of 40 hours
        monkeypatch.setattr(ledger_module, "utc_now", lambda hours=hours: real + timedelta(hours=hours))
        ledger.record(change)
    # In the ledger's own time the ages are 40, 20, 10, 10 (the step), 10 and 0 hours.
    for hours, number in ((41, 0), (40, 1), (21, 1), (20, 2), (11, 2), (9, 5), (0, 6)):
        assert ledger.before(timedelta(hours=hours)) == number, hours
    assert ledger.before(DAY) == 1


def test_the_same_read_over_and_over_ends(door: Door, begin: Begin, limit: Callable[..., None]) -> None:
    """Catalogue 70."""
    limit("run", identical=3)
    run = begin()
    stands = [door.act(run, AGENT, [look(run)])[0].stand for _ in range(5)]
    assert stands == ["done"] * 3 + ["denied"] * 2


def test_a_triage_of_five_thousand_and_its_undo_stay_far_below_the_default() -> None:
    for span, times in (("run", 1), ("hour", 2), ("day", 4)):
        assert 5_000 * times * 5 <= DEFAULT.of(span).changes  # type: ignore[arg-type]


def test_a_run_that_asks_too_much_freezes_and_its_questions_are_withdrawn(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger
) -> None:
    run = begin()
    door.act(run, AGENT, [look(run)])
    first = door.act(run, AGENT, [post(run, f"a{number}") for number in range(ALIKE)])
    assert {result.stand for result in first} == {"asked"}
    flood = door.act(run, AGENT, [post(run, f"b{number}") for number in range(ALIKE + 1)])
    assert {result.stand for result in flood} == {"denied"}
    [frozen] = ledger.events(RunFrozen)
    assert (frozen.run, frozen.questions) == (run.id, 2)
    assert {approval.state for approval in approvals(ledger).all()} == {"withdrawn"}
    assert door.act(run, AGENT, [note(run, "x")])[0].stand == "denied"
    assert door.act(run, AGENT, [look(run)])[0].stand == "done"
    finish(ledger, run)
    assert tell(ledger, door.contents, run.id).state == "frozen"
    assert world.world == []
    other = begin()
    assert door.act(other, AGENT, [note(other, "x")])[0].stand == "done"


def test_a_yes_before_the_freeze_was_acted_on_and_one_after_it_does_nothing(
    door: Door, begin: Begin, world: FakeConnector, ledger: Ledger, limit: Callable[..., None]
) -> None:
    limit("run", questions=1)
    run = begin()
    door.act(run, AGENT, [look(run)])
    [asked] = door.act(run, AGENT, [post(run, "early")])
    waiting = approvals(ledger).get(asked.approval)
    approve.allow(door, tell(ledger, door.contents, run.id), waiting, approve.Seen(shown=waiting.shown))
    assert world.world == ["early"]
    assert door.act(run, AGENT, [post(run, "late")])[0].stand == "denied"
    [frozen] = ledger.events(RunFrozen)
    assert frozen.questions == 1


def test_money_is_reserved_exactly(
    door: Door, begin: Begin, limit: Callable[..., None], ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times ten cents are one dollar: not a cent of the limit is lost to binary fractions."""
    pay = Declaration(
        verb="fake.pay", effect="write", reversible=False, words="Pay",
        arguments={"text": Argument("reference"), "amount": Argument("amount", "usd")},
    )  # fmt: skip
    spend = msgspec.structs.replace(pay, effect="spend")
    monkeypatch.setitem(FakeConnector.declarations, "fake.pay", spend)
    had = door.parts.ceiling.rights
    rights = msgspec.structs.replace(had, effects=had.effects | {"spend"})
    change(door, ceiling=msgspec.structs.replace(door.parts.ceiling, rights=rights))
    change(door, policies=permit_all(FakeConnector.declarations.values()))
    change(door, persons=Persons(two_person=frozenset()))  # spending takes two persons at every level
    monkeypatch.setitem(__import__("meshclaw.guard.intents", fromlist=["x"]).INTENTS, "test.work", rights)
    agent = msgspec.structs.replace(AGENT, rights=rights)
    ledger.record(AutonomyChanged(agent="tester@1", verb="fake.pay", level="autonomous", by="person"))
    limit("run", money=1_000_000)
    run = begin()
    pays = [Action(run=run.id, verb="fake.pay", arguments={"text": str(n), "amount": 0.1}) for n in range(11)]
    stands = [result.stand for result in door.act(run, agent, pays)]
    assert stands == ["done"] * 10 + ["denied"]
    assert sum(event.cost.money for event in ledger.events(ActionDecided)) == 1_000_000
