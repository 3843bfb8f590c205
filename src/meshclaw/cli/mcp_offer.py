"""What another host gets of us: the tools that one intent calls for, each call a run of its own, at the one door."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

import msgspec

from meshclaw.agents.builtin import AGENTS, CLAW, CODER, DREAMER, UNDO
from meshclaw.connectors.base import Shelf
from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.agent import Agent
from meshclaw.flow.conversation import Call, Tool
from meshclaw.flow.declaration import Effect
from meshclaw.flow.grant import Grant
from meshclaw.guard.intents import INTENTS, NOTHING
from meshclaw.runs.result import Result
from meshclaw.runs.run import start, working
from meshclaw.runs.using import drive, told
from meshclaw.triggers import host
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.mail import account_of
from meshclaw.wiring.place import Place
from meshclaw.wiring.site import Site
from meshclaw.wiring.workplace import reach

OURS_ALONE = CLAW.intents | CODER.intents | DREAMER.intents | UNDO.intents
"""What a person's own words are needed for, or nobody's."""
MOST_GIVEN = 1 << 20
"""Bytes of one call's arguments."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    tool: Tool
    effect: Effect
    reversible: bool


class Said(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    failed: bool = False


class Offer:
    """Open while the block lasts, in the one thread that opened it."""

    def __init__(self, intent: str, agent: str = "", subject: str = "") -> None:
        self._intent = intent
        self._name = agent
        self._subject = subject
        self._stack = ExitStack()
        self._shelf: Shelf = {}
        self._calls = 0
        self._asked = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._claw = stack.enter_context(open_claw())
            self._agent = agent_for(self._claw, self._intent, self._name)
            self._account = account_of(self._claw, self._subject)
            self._subject = self._account.address if self._account else self._subject
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @cached_property
    def _places(self) -> dict[str, Place]:
        """Connectors, each opened at its first use and kept for all calls."""
        claw, agent = self._claw, self._agent
        site = Site(claw=claw, subject=self._subject, agent=agent, package=claw.package(agent.label))
        return reach(site, self._stack)

    @cached_property
    def tools(self) -> dict[str, Offered]:
        """By verb, what rights leave of those here; the guard may still say no to a call."""
        intent = INTENTS.get(self._intent, NOTHING)
        grant = Grant(ceiling=self._claw.ceiling.rights, agent=self._agent.rights, intent=intent)
        known = [
            (tool, place.connector.declarations.get(tool.verb))
            for place in self._places.values() if place.tools
            for tool in place.tools.tools
        ]  # fmt: skip
        return {
            tool.verb: Offered(tool=tool, effect=one.effect, reversible=one.reversible)
            for tool, one in sorted(known, key=lambda each: each[0].verb)
            if one is not None and grant.refusing_layer(one) is None
        }

    def call(self, verb: str, arguments: dict[str, Value]) -> Said:
        """What became of it, in words. Whatever goes wrong is said, not raised: the host's model reads it."""
        if refused := self._refused(verb, arguments):
            return Said(text=refused, failed=True)
        self._calls += 1
        results: list[Result] = []
        try:
            self._claw.refuse_if_stopped()
            text = self._use(Call(id=str(self._calls), verb=verb, arguments=arguments), results)
        except UserError as error:
            return Said(text=error.message, failed=True)
        except MeshClawError as error:
            return Said(text=f"{verb}: {error.message}", failed=True)
        self._asked += sum(one.stand == "asked" for one in results)
        return Said(text=told(text, results), failed=any(one.stand != "done" for one in results))

    def _refused(self, verb: str, arguments: dict[str, Value]) -> str:
        """Each call is a run, and a run may ask so often; so may a connection, which is one mind."""
        if verb not in self.tools:
            return f"there is no tool {verb!r}"
        if len(msgspec.json.encode(arguments)) > MOST_GIVEN:
            return f"{verb}: more was given than one call takes"
        if self._asked >= self._claw.limits.run.questions and self.tools[verb].effect != "read":
            return f"{verb}: you wanted to ask the person too much, so you may only read from now on"
        return ""

    def _use(self, call: Call, results: list[Result]) -> str:
        claw, agent = self._claw, self._agent
        door = claw.door(self._places, account=self._account)
        toolbox = self._places[call.verb.partition(".")[0]].tools
        assert toolbox is not None  # noqa: S101 - it offered this verb
        run = start(
            claw.ledger, claw.contents, request=host.receive(self._intent), agent=agent, subject=self._subject
        )

        def act(wanted: Sequence[Action]) -> list[Result]:
            new = door.act(run, agent, wanted)
            results.extend(new)
            return new

        with working(claw.ledger, run):
            return drive(toolbox, call, run.id, self._shelf, act)


def agent_for(claw: Claw, intent: str, name: str = "") -> Agent:
    """The one of that name, or the one that comes with us and is made for ``intent``."""
    if intent in OURS_ALONE:
        raise UserError(
            f"{intent!r} needs a person's own words, and another host has none",
            fix=f"Name what it is for: {', '.join(possible())}",
        )
    if name:
        return claw.agent(name)
    found = next((one for one in AGENTS.values() if intent in one.intents), None)
    if found is None:
        raise UserError(
            f"no agent that comes with MeshClaw is made for {intent!r}",
            fix=f"Name an agent, or one of these intents: {', '.join(possible())}",
        )
    return found


def possible() -> list[str]:
    """Intents that a host can be let in for."""
    return sorted({one for agent in AGENTS.values() for one in agent.intents} - OURS_ALONE)
