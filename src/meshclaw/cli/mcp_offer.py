"""What another host gets of us: the tools that one intent calls for, each call a run of its own, at the one door."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from meshclaw.agents.builtin import AGENTS, CLAW, UNDO
from meshclaw.connectors.base import Shelf
from meshclaw.errors import MeshClawError, UserError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.agent import Agent
from meshclaw.flow.conversation import Call, Tool
from meshclaw.flow.declaration import Effect
from meshclaw.flow.grant import Grant
from meshclaw.flow.run import Run
from meshclaw.guard.intents import INTENTS, NOTHING
from meshclaw.runs.result import Result
from meshclaw.runs.run import start, working
from meshclaw.runs.using import drive, told
from meshclaw.triggers import host
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.mail import account_of
from meshclaw.wiring.workplace import Workplace, offered, workplace

MOST_GIVEN = 1 << 20
"""Bytes of one call's arguments."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    tool: Tool
    effect: Effect
    reversible: bool


class _Session(NamedTuple):
    run: Run
    place: Workplace


class Said(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    failed: bool = False


class Offer:
    """Open while the block lasts, in the one thread that opened it. All calls of a host are parts of one run."""

    def __init__(self, intent: str, agent: str = "", subject: str = "") -> None:
        self._intent = intent
        self._name = agent
        self._subject = subject
        self._stack = ExitStack()
        self._shelf: Shelf = {}
        self._calls = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._claw = stack.enter_context(open_claw())
            self._agent = agent_for(self._claw, self._intent, self._name)
            if account := account_of(self._claw, self._subject):
                self._subject = account.address
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @cached_property
    def tools(self) -> dict[str, Offered]:
        """By verb, what rights leave of those here; the guard may still say no to a call."""
        claw, agent = self._claw, self._agent
        package = claw.package(agent.label)
        every = [*claw.declarations(), *(package.declarations if package else ())]
        declared = {one.verb: one for one in every}
        intent = INTENTS.get(self._intent, NOTHING)
        grant = Grant(ceiling=claw.ceiling.rights, agent=agent.rights, intent=intent)
        return {
            tool.verb: Offered(tool=tool, effect=one.effect, reversible=one.reversible)
            for toolbox in offered(claw, agent, package).values()
            for tool in sorted(toolbox.tools, key=lambda tool: tool.verb)
            if (one := declared.get(tool.verb)) is not None and grant.refusing_layer(one) is None
        }

    def call(self, verb: str, arguments: dict[str, Value]) -> Said:
        """What became of it, in words. Whatever goes wrong is said, not raised: the host's model reads it."""
        if len(msgspec.json.encode(arguments)) > MOST_GIVEN:
            return Said(text=f"{verb}: more was given than one call takes", failed=True)
        if verb not in self.tools:
            return Said(text=f"there is no tool {verb!r}", failed=True)
        self._calls += 1
        results: list[Result] = []
        try:
            self._claw.refuse_if_stopped()
            run = self._begin(parent=self._session.run.id)
            with working(self._claw.ledger, run):
                text = self._use(run, Call(id=str(self._calls), verb=verb, arguments=arguments), results)
        except UserError as error:
            return Said(text=error.message, failed=True)
        except MeshClawError as error:
            return Said(text=f"{verb}: {error.message}", failed=True)
        return Said(text=told(text, results), failed=any(one.stand != "done" for one in results))

    @cached_property
    def _session(self) -> _Session:
        """Begun with the first call; its budget and its questions are those of all calls together."""
        run = self._begin()
        place = self._stack.enter_context(workplace(self._claw, run))
        self._stack.enter_context(working(self._claw.ledger, run))
        return _Session(run, place)

    def _use(self, run: Run, call: Call, results: list[Result]) -> str:
        place = self._session.place

        def act(wanted: Sequence[Action]) -> list[Result]:
            new = place.door.act(run, self._agent, wanted)
            results.extend(new)
            return new

        return drive(place.tools[call.verb.partition(".")[0]], call, run.id, self._shelf, act)

    def _begin(self, parent: str = "") -> Run:
        claw = self._claw
        return start(
            claw.ledger, claw.contents, request=host.receive(self._intent), agent=self._agent, subject=self._subject,
            parent=parent,
        )  # fmt: skip


def agent_for(claw: Claw, intent: str, name: str = "") -> Agent:
    """The one of that name, or the one that comes with us and is made for ``intent``."""
    if intent in CLAW.intents | UNDO.intents:
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
    words = CLAW.intents | UNDO.intents
    return sorted({one for agent in AGENTS.values() for one in agent.intents} - words)
