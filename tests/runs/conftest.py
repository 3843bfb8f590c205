from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from meshclaw.flow.agent import Agent
from meshclaw.flow.grant import Rights
from meshclaw.flow.person import Person
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run
from meshclaw.guard import intents
from meshclaw.guard.ceiling import Ceiling
from meshclaw.guard.layers import stop
from meshclaw.guard.layers.review import pin
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs import run as runs
from meshclaw.runs.act import Door
from meshclaw.runs.deciding import Parts
from meshclaw.testing.connector import FakeConnector
from meshclaw.testing.policies import permit_all

RIGHTS = Rights(effects=frozenset({"read", "write", "send", "deploy"}), verbs=frozenset({"fake.*"}))
AGENT = Agent(
    name="tester",
    version="1",
    purpose="Tests.",
    owner="us",
    intents=frozenset({"test.work", "undo"}),
    rights=RIGHTS,
)


@pytest.fixture
def world() -> FakeConnector:
    return FakeConnector()


@pytest.fixture
def door(
    ledger: Ledger, contents: ContentStore, world: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> Door:
    monkeypatch.setitem(intents.INTENTS, "test.work", RIGHTS)
    monkeypatch.setitem(intents.INTENTS, "undo", RIGHTS)
    monkeypatch.setitem(__import__("meshclaw.agents.builtin").agents.builtin.AGENTS, "tester", AGENT)
    return Door(Parts(ledger=ledger, contents=contents, connectors={"fake": world},
        ceiling=Ceiling(rights=RIGHTS), policies=permit_all(world.declarations.values()), person=Person(),
        stopped=lambda: stop.read(ledger.path.parent), reviewed={"fake": pin(world.declarations.values())},
    ))  # fmt: skip


@pytest.fixture
def begin(ledger: Ledger, contents: ContentStore) -> Callable[[], Run]:
    def begin() -> Run:
        request = Request(intent="test.work", trigger="terminal", trust="person")
        return runs.start(ledger, contents, request=request, agent=AGENT, subject="the fake world")

    return begin


def change(door: Door, **parts: object) -> None:
    """Other limits, policies or rights from now on, as after a restart with other files."""
    door.parts = door.deciding.parts = msgspec.structs.replace(door.parts, **parts)
