"""Deciding again what was decided, from what was kept of it: the same inputs give the same word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

import msgspec

from meshclaw.errors import NotFound, UserError
from meshclaw.flow.agent import Agent
from meshclaw.flow.approval import Channel
from meshclaw.flow.autonomy import Level
from meshclaw.flow.decision import Decision
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.run import PlanFrozen
from meshclaw.flow.grant import Grant
from meshclaw.flow.person import Person
from meshclaw.flow.plan import Plan
from meshclaw.flow.run import Run
from meshclaw.flow.slip import Enclosed
from meshclaw.flow.stop import Stop
from meshclaw.guard import Context, decide
from meshclaw.guard.approvals import ANSWERS, Approvals
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import History
from meshclaw.guard.limits import Limits
from meshclaw.guard.policy.policies import Policies, from_texts
from meshclaw.guard.spent import KINDS, Spent
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.ask import slip_of
from meshclaw.runs.outbox import Outbox
from meshclaw.runs.recall import recall
from meshclaw.runs.seal import restore
from meshclaw.runs.spending import root_of


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same for every decision of a process."""

    policies: dict[str, str]
    """Text by source: company, person or default."""
    declarations: list[Declaration]
    """All there were: they make the policies' schema."""
    directory: Directory

    def parsed(self) -> Policies:
        return from_texts(self.declarations, **self.policies)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the decisions of a run about one verb have in common."""

    rules: str
    """Digest of the Rules."""
    declaration: Declaration | None
    reviewed: bool
    grant: Grant
    level: Level
    agent: Agent
    person: Person
    by_person: bool
    limits: Limits
    two_person: frozenset[str]
    approvers: Mapping[str, bytes]
    separate: frozenset[Channel]


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision depended on, beside its action and what the ledger tells anyway."""

    standing: str
    """Digest of the Standing."""
    now: datetime
    stopped: Stop | None
    tainted: bool
    enclosed: Mapping[str, Enclosed]


_STANDING = tuple(field.name for field in msgspec.structs.fields(Standing) if field.name != "rules")
_SHARED = tuple(field.name for field in msgspec.structs.fields(Inputs) if field.name != "standing")


class KeptInputs:
    """The inputs of decisions, kept as they are made; what many of them have in common is kept once."""

    def __init__(self, contents: ContentStore, rules: Rules) -> None:
        self._contents = contents
        self._rules = rules
        self._kept: dict[tuple[str, Level, bool], tuple[Standing, str]] = {}

    def keep(self, context: Context) -> str:
        """Digest of the decision's inputs."""
        inputs = Inputs(
            standing=self._standing(context), **{name: getattr(context, name) for name in _SHARED}
        )
        [digest] = self._contents.put([inputs])
        return digest

    def _standing(self, context: Context) -> str:
        key = (context.declaration.verb if context.declaration else "", context.level, context.by_person)
        known, digest = self._kept.get(key, (None, ""))
        if known is None or any(getattr(known, name) != getattr(context, name) for name in _STANDING):
            [rules] = self._contents.put([self._rules])
            known = Standing(rules=rules, **{name: getattr(context, name) for name in _STANDING})
            [digest] = self._contents.put([known])
            self._kept[key] = known, digest
        return digest


class Again(msgspec.Struct, frozen=True, kw_only=True):
    decided: ActionDecided
    """As the ledger has it."""
    decision: Decision
    """As the guard says now, from the same inputs."""

    @property
    def same(self) -> bool:
        was, now = self.decided, self.decision
        return (was.verdict, was.rule, was.reason, was.labels) == (
            now.verdict,
            now.rule,
            now.reason,
            now.labels,
        )


class Past:
    """The ledger as it stood before event number ``seq`` of ``run``."""

    def __init__(self, ledger: Ledger, contents: ContentStore, run: Run, seq: int) -> None:
        self.ledger, self.contents, self.run, self.seq = ledger, contents, run, seq

    @cached_property
    def plan(self) -> Plan | None:
        for stored in self.ledger.stored(PlanFrozen, run=self.run.id):
            if stored.seq < self.seq and isinstance(stored.event, PlanFrozen):
                return Plan(verbs=frozenset(stored.event.verbs), written=frozenset(stored.event.written))
        return None

    def history(self, declarations: Mapping[str, Declaration]) -> History:
        if not self.run.request.words:
            return History()
        return recall(self.ledger, self.contents, self.run, declarations.get, before=self.seq)

    def spent(self, now: datetime) -> Spent:
        spent = Spent(root_of(self.ledger, self.run.id), self.ledger.device.mark)
        for stored in self.ledger.stored(*KINDS):
            if stored.seq < self.seq:
                spent.take(stored.event)
        spent.advance(now)
        return spent

    def approvals(self, now: datetime) -> Approvals:
        past = (stored.event for stored in self.ledger.stored(*ANSWERS) if stored.seq < self.seq)
        return Approvals([event for event in past if isinstance(event, ANSWERS)], now)


def again(ledger: Ledger, contents: ContentStore, run: Run, decided: ActionDecided, seq: int) -> Again:
    """Raises UserError where the event keeps no inputs, NotFound where they were forgotten."""
    if not decided.inputs:
        raise UserError(
            "this decision was made before inputs were kept, so it cannot be made again",
            fix="The event still holds its rule and reason: meshclaw ledger show ID",
        )
    inputs = msgspec.json.decode(contents.get(decided.inputs), type=Inputs)
    standing = msgspec.json.decode(contents.get(inputs.standing), type=Standing)
    rules = msgspec.json.decode(contents.get(standing.rules), type=Rules)
    past = Past(ledger, contents, run, seq)
    approval = past.approvals(inputs.now).answered_for(decided.external_id)
    item = Outbox(ledger, run.id, before=seq).items.get(decided.external_id)
    if approval is not None and item is not None and approval.id in item.used:
        approval = msgspec.structs.replace(approval, state="used")
    live = approval is not None and approval.state in ("allowed", "one_of_two")
    context = Context(
        **{name: getattr(inputs, name) for name in _SHARED},
        **{name: getattr(standing, name) for name in _STANDING},
        policies=rules.parsed(), directory=rules.directory, request=run.request, plan=past.plan,
        history=past.history({one.verb: one for one in rules.declarations}), spent=past.spent(inputs.now),
        approval=approval, slip=slip_of(contents, approval) if approval and live else None,
    )  # fmt: skip
    return Again(decided=decided, decision=decide(restore(contents, decided), context))


def find(ledger: Ledger, prefix: str) -> tuple[ActionDecided, int]:
    """The decision with that event id or the last one about the action with that external id, and its place."""
    about = [s for s in ledger.stored(ActionDecided) if isinstance(s.event, ActionDecided) and prefix and
             (s.event.id.startswith(prefix) or s.event.external_id.startswith(prefix))]  # fmt: skip
    if not about:
        raise NotFound(f"no decision has the id {prefix!r}", fix="List them with: meshclaw ledger tail")
    last = about[-1]
    if len({s.event.external_id for s in about if isinstance(s.event, ActionDecided)}) > 1:
        raise NotFound(f"several decisions have the id {prefix!r}", fix="Give more of it.")
    assert isinstance(last.event, ActionDecided)  # noqa: S101 - just filtered
    return last.event, last.seq
