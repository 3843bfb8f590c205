"""Every decision can be made again from what was kept of it, and a changed input shows."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from meshclaw.errors import NotFound
from meshclaw.flow.action import Action
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.run import Run
from meshclaw.guard.limits import DEFAULT
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs import approve
from meshclaw.runs.act import Door
from meshclaw.runs.approve import Seen
from meshclaw.runs.run import approvals, tell
from meshclaw.runs.why import again, find
from meshclaw.testing.connector import LOOK, NOTE, POST
from tests.runs.conftest import AGENT, change

Begin = Callable[[], Run]


def all_again(door: Door) -> list[tuple[str, str, bool]]:
    """Verdict, rule, and whether it came out the same, for every decision there is."""
    found = [
        (s.event, s.seq) for s in door.ledger.stored(ActionDecided) if isinstance(s.event, ActionDecided)
    ]
    runs = {event.run: tell(door.ledger, door.contents, event.run).run for event, _ in found}
    told = [again(door.ledger, door.contents, runs[event.run], event, seq) for event, seq in found]
    return [(one.decided.verdict, one.decided.rule, one.same) for one in told]


def test_allowed_asked_denied_and_approved_come_out_the_same(
    door: Door, begin: Begin, ledger: Ledger
) -> None:
    run = begin()
    door.act(run, AGENT, [
        Action(run=run.id, verb=LOOK, arguments={}),
        *(Action(run=run.id, verb=NOTE, arguments={"text": str(number)}) for number in range(3)),
        Action(run=run.id, verb=POST, arguments={"text": "hello", "to": "kim@example.com"}),
        Action(run=run.id, verb=NOTE, arguments={"text": "x", "more": "y"}),
        Action(run=run.id, verb="fake.launch", arguments={}),
    ])  # fmt: skip
    [waiting] = approvals(ledger).open()
    approve.allow(door, tell(ledger, door.contents, run.id), waiting, Seen(shown=waiting.shown))
    verdicts = all_again(door)
    assert {verdict for verdict, _, _ in verdicts} == {"allow", "ask", "deny"}
    assert all(same for _, _, same in verdicts), verdicts


def test_budgets_are_counted_as_they_stood(door: Door, begin: Begin) -> None:
    change(door, limits=msgspec.structs.replace(DEFAULT, run=msgspec.structs.replace(DEFAULT.run, changes=2)))
    run = begin()
    door.act(run, AGENT, [Action(run=run.id, verb=NOTE, arguments={"text": str(n)}) for n in range(4)])
    verdicts = all_again(door)
    assert [verdict for verdict, _, _ in verdicts] == ["allow", "allow", "deny", "deny"]
    assert all(same for _, _, same in verdicts), verdicts


def test_inputs_are_written_once_for_alike_decisions(door: Door, begin: Begin) -> None:
    run = begin()
    door.act(run, AGENT, [Action(run=run.id, verb=NOTE, arguments={"text": str(n)}) for n in range(50)])
    assert len({event.inputs for event in door.ledger.events(ActionDecided)}) == 1


def test_forgotten_inputs_are_told(door: Door, begin: Begin, ledger: Ledger) -> None:
    run = begin()
    door.act(run, AGENT, [Action(run=run.id, verb=NOTE, arguments={"text": "milk"})])
    [decided] = ledger.events(ActionDecided)
    door.ledger._db.execute("DELETE FROM content WHERE digest = ?", (decided.inputs,))
    with pytest.raises(NotFound, match="forgotten"):
        again(ledger, door.contents, run, *find(ledger, decided.id))
