"""What a policy asks for reaches the approval."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshclaw.flow.action import Action
from meshclaw.flow.event.approval import ApprovalAsked
from meshclaw.flow.run import Run
from meshclaw.guard.policy.policies import from_texts
from meshclaw.runs.act import Door
from meshclaw.testing.connector import NOTE, FakeConnector
from tests.runs.conftest import AGENT, change


@pytest.mark.parametrize(("who", "two"), [("person", False), ("two", True)])
def test_an_ask_of_a_policy_says_how_many_must_say_yes(  # noqa: PLR0917 - pytest hands them over by name
    door: Door,
    begin: Callable[[], Run],
    world: FakeConnector,
    monkeypatch: pytest.MonkeyPatch,
    who: str,
    two: bool,
) -> None:
    text = f'@id("look") @ask("{who}") permit (principal, action, resource);'
    change(door, policies=from_texts(world.declarations.values(), company=text))
    run = begin()
    [result] = door.act(run, AGENT, [Action(run=run.id, verb=NOTE, arguments={"text": "a"})])
    [asked] = door.ledger.events(ApprovalAsked)
    assert (result.stand, asked.rule, asked.two) == ("asked", "policy.ask", two)
    assert result.decision is not None
    assert result.decision.policies == ("company:look",)
