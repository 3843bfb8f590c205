"""The one door to the world: decide, record, perform, record.

Nobody else calls a connector's ``perform`` or ``probe``; ``tools/lint/one_door.py`` checks it. Whatever the
moment at which the process dies, each action is afterwards not done, done once with its receipt, or reserved;
a reserved one is probed for evidence and never repeated without it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from meshclaw.connectors.base import Connector, Performed
from meshclaw.errors import MeshClawError, Uncertain
from meshclaw.flow.action import IN_CLEAR, Action, Declaration, Value
from meshclaw.flow.agent import Agent
from meshclaw.flow.approval import Approval
from meshclaw.flow.decision import Decision
from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionPerformed, ActionUnknown
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.receipt import Receipt
from meshclaw.flow.run import Run
from meshclaw.guard import Context, decide
from meshclaw.guard.approvals import LIFETIME, Approvals
from meshclaw.guard.autonomy import Autonomy
from meshclaw.guard.intents import INTENTS, NOTHING
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs.outbox import ACTION_EVENTS, Item, Stand, outbox

BATCH = 100
"""Actions whose receipts are stored together. Only reversible ones share a batch."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    action: Action
    stand: Stand
    decision: Decision | None = None
    receipt: Receipt | None = None
    approval: str = ""
    """Id of the approval that now waits."""
    error: MeshClawError | None = None
    value: object = None
    """What a read brought back."""


class Door:
    """``ceiling`` and ``policy`` are read once, before any run: a run cannot change its own limits."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        contents: ContentStore,
        connectors: Mapping[str, Connector],
        ceiling: Rights,
        policy: Rights,
    ) -> None:
        self.ledger = ledger
        self.contents = contents
        self._connectors = connectors
        self._ceiling = ceiling
        self._policy = policy

    def act(
        self, run: Run, agent: Agent, actions: Sequence[Action], *, by_person: bool = False
    ) -> list[Result]:
        """One result per action, in order. An action that this run already did is not done again."""
        before = outbox(self.ledger.events(*ACTION_EVENTS, run=run.id))
        results: dict[str, Result] = {}
        to_perform: list[tuple[Action, Decision]] = []
        facts: list[Event] = []
        view = self._view(run, agent, by_person=by_person)
        for action in actions:
            declaration = self.declaration(action.verb)
            reads = declaration is not None and declaration.effect == "read"
            known = None if reads else before.get(action.external_id)  # a read is never old news
            if known is not None and known.stand in ("reserved", "unknown"):
                known = self._settle(run, agent, action, known)
            if known is not None and known.stand in ("done", "unknown"):
                results[action.external_id] = _known(action, known)
                continue
            decision = decide(action, view.context(action, declaration))
            facts.append(self._decided(run, agent, action, declaration, decision))
            if decision.verdict == "allow":
                to_perform.append((action, decision))
            else:
                results[action.external_id], asked = self._not_now(run, agent, action, decision, view)
                facts += asked
        self.ledger.record(*facts)
        for batch in self._batches(to_perform):
            for result in self._perform(run, agent, batch):
                results[result.action.external_id] = result
        return [results[action.external_id] for action in actions]

    def settle(self, run: Run, agent: Agent) -> int:
        """After a crash: find out how each reserved action of ``run`` went. Returns how many there were."""
        count = 0
        for item in outbox(self.ledger.events(*ACTION_EVENTS, run=run.id)).values():
            if item.stand in ("reserved", "unknown"):
                self._settle(run, agent, self.restore(item.decided), item)
                count += 1
        return count

    def restore(self, decided: ActionDecided) -> Action:
        """The action behind its event, sealed arguments and all."""
        sealed: dict[str, Value] = {
            name: msgspec.json.decode(self.contents.get(digest)) for name, digest in decided.sealed.items()
        }
        return Action(
            run=decided.run,
            verb=decided.verb,
            arguments={**decided.arguments, **sealed},
            undoes=decided.undoes,
        )

    # -- deciding ------------------------------------------------------------------------

    def _view(self, run: Run, agent: Agent, *, by_person: bool) -> _View:
        now = self.ledger.now()
        return _View(
            grant=Grant(
                ceiling=self._ceiling,
                policy=self._policy,
                agent=agent.rights,
                intent=INTENTS.get(run.request.intent, NOTHING),
            ),
            autonomy=Autonomy(self.ledger.events(AutonomyChanged)),
            approvals=Approvals(self.ledger.events(ApprovalAsked, ApprovalAnswered), now),
            agent=agent,
            now=now,
            by_person=by_person and run.request.trust == "person",
        )

    def declaration(self, verb: str) -> Declaration | None:
        connector = self._connectors.get(verb.partition(".")[0])
        return connector.declarations.get(verb) if connector else None

    def _decided(
        self, run: Run, agent: Agent, action: Action, declaration: Declaration | None, decision: Decision
    ) -> ActionDecided:
        roles = declaration.arguments if declaration else {}
        secret = {name: value for name, value in action.arguments.items() if roles.get(name) not in IN_CLEAR}
        digests = self.contents.put(secret.values())
        return ActionDecided(
            run=run.id, intent=run.request.intent, agent=label(agent), external_id=action.external_id,
            verb=action.verb, effect=declaration.effect if declaration else "admin", digest=action.digest,
            arguments={name: value for name, value in action.arguments.items() if name not in secret},
            sealed=dict(zip(secret, digests, strict=True)), undoes=action.undoes,
            verdict=decision.verdict, rule=decision.rule,
        )  # fmt: skip

    def _not_now(
        self, run: Run, agent: Agent, action: Action, decision: Decision, view: _View
    ) -> tuple[Result, list[Event]]:
        if decision.verdict == "deny":
            return Result(action=action, stand="denied", decision=decision), []
        waiting = next((a for a in view.approvals.open() if a.external_id == action.external_id), None)
        if waiting is not None:
            return Result(action=action, stand="asked", decision=decision, approval=waiting.id), []
        asked = ApprovalAsked(
            run=run.id, intent=run.request.intent, agent=label(agent), approval=secrets.token_hex(4),
            external_id=action.external_id, digest=action.digest, verb=action.verb, rule=decision.rule,
            expires=timestamp(view.now + LIFETIME),
        )  # fmt: skip
        return Result(action=action, stand="asked", decision=decision, approval=asked.approval), [asked]

    # -- performing ----------------------------------------------------------------------

    def _batches(self, allowed: list[tuple[Action, Decision]]) -> Iterator[list[tuple[Action, Decision]]]:
        """What cannot be taken back goes alone, so that a crash leaves at most one of it in doubt."""
        batch: list[tuple[Action, Decision]] = []
        for action, decision in allowed:
            declaration = self.declaration(action.verb)
            alone = declaration is None or not declaration.reversible
            if batch and (alone or len(batch) == BATCH or batch[0][0].connector != action.connector):
                yield batch
                batch = []
            batch.append((action, decision))
            if alone:
                yield batch
                batch = []
        if batch:
            yield batch

    def _perform(self, run: Run, agent: Agent, batch: list[tuple[Action, Decision]]) -> list[Result]:
        connector = self._connectors[batch[0][0].connector]
        outcomes = connector.perform([action for action, _ in batch])
        results = [
            _result(action, decision, outcome)
            for (action, decision), outcome in zip(batch, outcomes, strict=True)
        ]
        self.ledger.record(*(self._result_fact(run, agent, result) for result in results))
        return results

    def _settle(self, run: Run, agent: Agent, action: Action, item: Item) -> Item:
        """Probe; a found effect gets its receipt, a missing one may be done again, doubt stays doubt."""
        try:
            receipt = self._connectors[action.connector].probe(action)
        except Uncertain as error:
            doubt = Result(action=action, stand="unknown", error=error)
            if item.stand != "unknown":
                self.ledger.record(self._result_fact(run, agent, doubt))
            return msgspec.structs.replace(item, stand="unknown")
        if receipt is None:
            lost = Result(
                action=action, stand="failed", error=MeshClawError("it was not done before the stop")
            )
            self.ledger.record(self._result_fact(run, agent, lost))
            return msgspec.structs.replace(item, stand="failed")
        fact = self._result_fact(run, agent, Result(action=action, stand="done", receipt=receipt), found=True)
        self.ledger.record(fact)
        return msgspec.structs.replace(item, stand="done", performed=fact)

    def _result_fact(self, run: Run, agent: Agent, result: Result, *, found: bool = False) -> Event:
        run_id, intent, who, id_ = run.id, run.request.intent, label(agent), result.action.external_id
        if (receipt := result.receipt) is not None:
            return ActionPerformed(
                run=run_id, intent=intent, agent=who, external_id=id_,
                link=receipt.link, undo=receipt.undo, found=found,
            )  # fmt: skip
        kind = ActionUnknown if result.stand == "unknown" else ActionFailed
        code = result.error.code if result.error else "error"
        return kind(run=run_id, intent=intent, agent=who, external_id=id_, error=code)


class _View(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same for all decisions of one call."""

    grant: Grant
    autonomy: Autonomy
    approvals: Approvals
    agent: Agent
    now: datetime
    by_person: bool

    def context(self, action: Action, declaration: Declaration | None) -> Context:
        approval: Approval | None = self.approvals.answered_for(action.external_id)
        return Context(
            declaration=declaration, grant=self.grant, approval=approval,
            now=self.now, by_person=self.by_person,
            level=self.autonomy.level(label(self.agent), declaration) if declaration else "draft",
        )  # fmt: skip


def label(agent: Agent) -> str:
    """How events name an agent."""
    return f"{agent.name}@{agent.version}"


def _result(action: Action, decision: Decision, outcome: Performed | MeshClawError) -> Result:
    if isinstance(outcome, Performed):
        return Result(
            action=action, stand="done", decision=decision, receipt=outcome.receipt, value=outcome.value
        )
    stand = "unknown" if isinstance(outcome, Uncertain) else "failed"
    return Result(action=action, stand=stand, decision=decision, error=outcome)


def _known(action: Action, item: Item) -> Result:
    if item.performed is None:
        return Result(action=action, stand="unknown")
    receipt = Receipt(external_id=action.external_id, link=item.performed.link, undo=item.performed.undo)
    return Result(action=action, stand="done", receipt=receipt)
