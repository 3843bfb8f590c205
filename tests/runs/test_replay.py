"""Replay asks other policies about the same cases: level, hour and reads before are those of then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from meshclaw.flow.action import Action
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.person import Person
from meshclaw.flow.run import Run
from meshclaw.guard.directory import Directory
from meshclaw.guard.policy.policies import from_texts
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.act import Door
from meshclaw.runs.replay import Recorded, Replay, recorded, replay
from meshclaw.testing.connector import LOOK, NOTE, POST, FakeConnector
from tests.runs.conftest import AGENT

PERMIT = "permit (principal, action, resource);"


def past(ledger: Ledger, contents: ContentStore, door: Door) -> list[Recorded]:
    return list(
        recorded(
            ledger, contents, door.declaration, policies=door.parts.policies, person=Person(), directory=Directory(),
            since=ledger.now() - timedelta(days=1),
        )
    )  # fmt: skip


def told(ledger: Ledger, contents: ContentStore, door: Door, text: str) -> Replay:
    policies = from_texts(FakeConnector.declarations.values(), person=text)
    return replay(policies, past(ledger, contents, door))


def test_the_cases_are_those_of_then(
    door: Door, begin: Callable[[], Run], ledger: Ledger, contents: ContentStore
) -> None:
    run = begin()
    note = Action(run=run.id, verb=NOTE, arguments={"text": "a"})
    post = Action(run=run.id, verb=POST, arguments={"text": "b", "to": "kim@example.com"})
    door.act(run, AGENT, [note])
    door.act(run, AGENT, [Action(run=run.id, verb=LOOK, arguments={})])
    ledger.record(AutonomyChanged(agent="tester@1", verb=POST, level="one_tap", by="person"))
    door.act(run, AGENT, [post])
    cases = [one.case for one in past(ledger, contents, door)]
    assert [(case.verb, case.tainted, case.level) for case in cases if case] == [
        (NOTE, False, "act_with_undo"), (LOOK, False, "autonomous"), (POST, True, "one_tap"),
    ]  # fmt: skip
    last = cases[-1]
    assert last is not None
    assert (last.domains, last.external, last.trust) == (("example.com",), True, "person")


def test_the_same_policy_changes_nothing_and_a_stricter_one_says_what(
    door: Door, begin: Callable[[], Run], ledger: Ledger, contents: ContentStore
) -> None:
    run = begin()
    post = Action(run=run.id, verb=POST, arguments={"text": "b", "to": "kim@example.com"})
    door.act(run, AGENT, [Action(run=run.id, verb=NOTE, arguments={"text": "a"}), post])
    assert told(ledger, contents, door, PERMIT).changed == []
    strict = told(ledger, contents, door, f'{PERMIT} @id("no") forbid (principal, action, resource);')
    assert strict.counts() == {"allow -> deny": 1, "ask -> deny": 1}
    assert strict.changed[0].policies == ("person:no",)
    asking = told(ledger, contents, door, f"@ask {PERMIT}")
    assert asking.counts() == {"allow -> ask": 1}


def test_what_was_forgotten_is_counted_and_not_guessed(
    door: Door, begin: Callable[[], Run], ledger: Ledger, contents: ContentStore
) -> None:
    run = begin()
    door.act(run, AGENT, [Action(run=run.id, verb=POST, arguments={"text": "b", "to": "kim@example.com"})])
    ledger._db.execute("DELETE FROM content WHERE digest NOT IN (SELECT digest FROM content LIMIT 1)")
    found = told(ledger, contents, door, "")
    assert (found.decisions, found.unknown, found.changed) == (1, 1, [])
