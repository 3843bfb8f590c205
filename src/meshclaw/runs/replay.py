"""What other policies would have said to the actions in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from meshclaw.agents.builtin import AGENTS
from meshclaw.errors import NotFound
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.decision import Decision, Verdict
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.person import Person
from meshclaw.flow.request import Request
from meshclaw.guard.context import Context
from meshclaw.guard.directory import Directory
from meshclaw.guard.layers.autonomy import Autonomy
from meshclaw.guard.layers.policy import case_of
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.policies import Policies
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs.seal import unseal

_NOTHING = Rights()
_NO_GRANT = Grant(ceiling=_NOTHING, agent=_NOTHING, intent=_NOTHING)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    decided: ActionDecided
    case: Case | None
    """None where its content was forgotten or its verb is declared no more: nobody can say."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    ts: str
    run: str
    agent: str
    verb: str
    was: Verdict
    rule: str
    would: Verdict
    reason: str
    policies: tuple[str, ...]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    decisions: int
    unknown: int
    """Decisions about which nobody can say any more."""
    changed: list[Changed]

    def counts(self) -> dict[str, int]:
        """By ``allow -> deny``, the most frequent first."""
        kinds = [f"{one.was} -> {one.would}" for one in self.changed]
        return dict(sorted(((kind, kinds.count(kind)) for kind in set(kinds)), key=lambda pair: -pair[1]))


def replay(policies: Policies, recorded: Iterable[Recorded]) -> Replay:
    decisions, unknown, changed = 0, 0, list[Changed]()
    for one in recorded:
        decisions += 1
        if one.case is None:
            unknown += 1
            continue
        word, was = policies.decide(one.case), one.decided
        would = verdict(was, word)
        if would != was.verdict:
            changed.append(
                Changed(
                    event=was.id, ts=was.ts, run=was.run, agent=was.agent, verb=was.verb, was=was.verdict,
                    rule=was.rule, would=would, reason=word.reason, policies=word.policies,
                )
            )  # fmt: skip
    return Replay(decisions=decisions, unknown=unknown, changed=changed)


def verdict(was: ActionDecided, word: Decision) -> Verdict:
    """What would have come of it, the other layers being as they were.

    Where only the old policy stood in the way, the other layers' word is not known: the new policy's is told.
    """
    if word.verdict == "deny" or was.rule.startswith("policy."):
        return word.verdict
    if word.verdict == "ask" and was.verdict == "allow" and was.rule != "approval":
        return "ask"
    return was.verdict


def recorded(
    ledger: Ledger, contents: ContentStore, declared: Callable[[str], Declaration | None], *,
    policies: Policies, person: Person, directory: Directory, since: datetime,
) -> Iterator[Recorded]:  # fmt: skip
    """Every decision since then, with the case as it was: level, reads before it, hour."""
    past, first = _Past(), timestamp(since)
    for event in ledger.events(RunStarted, AutonomyChanged, ActionDecided, ActionPerformed):
        past.take(event)
        if not isinstance(event, ActionDecided) or event.ts < first:
            continue
        declaration, action = declared(event.verb), _action(contents, event)
        case = None
        if declaration is not None and action is not None and event.run in past.requests:
            context = past.context(event, declaration, policies=policies, person=person, directory=directory)
            case = case_of(action, declaration, context)
        yield Recorded(decided=event, case=case)


class _Past:
    """What was known when a decision was made, folded from the events before it."""

    def __init__(self) -> None:
        self.requests: dict[str, Request] = {}
        self._changes: list[AutonomyChanged] = []
        self._autonomy = Autonomy(())
        self._reads: dict[str, str] = {}
        """Run by external id."""
        self._tainted: set[str] = set()

    def take(self, event: Event) -> None:
        match event:
            case RunStarted():
                request = Request(intent=event.intent, trigger=event.trigger, trust=event.trust)
                self.requests[event.run] = request
            case AutonomyChanged():
                self._changes.append(event)
                self._autonomy = Autonomy(self._changes)
            case ActionDecided() if event.effect == "read":
                self._reads[event.external_id] = event.run
            case ActionPerformed() if event.external_id in self._reads:
                self._tainted.add(event.run)
            case _:
                pass

    def context(
        self, event: ActionDecided, declaration: Declaration, *,
        policies: Policies, person: Person, directory: Directory,
    ) -> Context:  # fmt: skip
        return Context(
            declaration=declaration, grant=_NO_GRANT, policies=policies, person=person, directory=directory,
            level=self._autonomy.level(event.agent, declaration), agent=_agent(event.agent),
            request=self.requests[event.run], tainted=event.run in self._tainted,
            now=datetime.fromisoformat(event.ts).astimezone(),
        )  # fmt: skip


def _action(contents: ContentStore, decided: ActionDecided) -> Action | None:
    try:
        arguments = unseal(contents, decided.arguments, decided.sealed)
    except NotFound:
        return None
    return Action(run=decided.run, verb=decided.verb, arguments=arguments)


def _agent(label: str) -> Agent:
    name, _, version = label.partition("@")
    known = AGENTS.get(name)
    if known is not None:
        return msgspec.structs.replace(known, version=version)
    return Agent(name=name, version=version, purpose="", owner="", intents=frozenset(), rights=_NOTHING)
