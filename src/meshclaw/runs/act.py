"""The one door to the world: decide, record, perform, record.

Nobody else calls a connector's ``perform`` or ``probe``; ``tools/lint/one_door.py`` checks it. Whatever the
moment at which the process dies, each action is afterwards not done, done once with its receipt, or reserved;
a reserved one is probed for evidence and never repeated without it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import msgspec

from meshclaw.connectors.base import Connector, Performed
from meshclaw.errors import Busy, MeshClawError, NotFound, Refused, Uncertain
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.approval import Approval
from meshclaw.flow.cost import Cost
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionPerformed, ActionUnknown
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.event.run import PlanFrozen, RunFrozen
from meshclaw.flow.grant import Grant
from meshclaw.flow.person import Person
from meshclaw.flow.plan import Plan
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run
from meshclaw.flow.slip import Enclosed
from meshclaw.flow.stop import Stop
from meshclaw.guard import Context, decide, stop
from meshclaw.guard.approvals import ANSWERS, Approvals
from meshclaw.guard.autonomy import Autonomy
from meshclaw.guard.budget import cost_of
from meshclaw.guard.ceiling import Ceiling
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import History
from meshclaw.guard.intents import INTENTS, NOTHING
from meshclaw.guard.limits import DEFAULT, Limits
from meshclaw.guard.plan import freeze
from meshclaw.guard.policy.policies import Policies
from meshclaw.guard.questions import FROZEN
from meshclaw.guard.review import SHIPPED, pin
from meshclaw.guard.slip import REACHING, draw
from meshclaw.guard.spent import Spent
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.ask import ALONE, Persons, ask, slip_of
from meshclaw.runs.freeze import withdrawn
from meshclaw.runs.outbox import HELD, LOST, Item, Outbox, Stand
from meshclaw.runs.recall import keep, recall
from meshclaw.runs.seal import Sealed, restore, seal
from meshclaw.runs.spending import Spending

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

    def brought(self) -> object:
        """``value``; raises what stood in the way of the read."""
        if self.error is not None:
            raise self.error
        if self.stand != "done":
            reason = self.decision.reason if self.decision else self.stand
            raise Refused(f"the guard did not allow {self.action.verb}: {reason}")
        return self.value


class Door:
    """``ceiling``, ``policies`` and ``limits`` are read once, before any run: a run cannot change its own limits.

    ``stopped`` looks for the kill switch; it is asked before each batch of each call.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        contents: ContentStore,
        connectors: Mapping[str, Connector],
        ceiling: Ceiling,
        policies: Policies,
        person: Person,
        stopped: Callable[[], Stop | None],
        reviewed: Mapping[str, str] = SHIPPED,
        directory: Directory = Directory(),  # noqa: B008 - frozen
        limits: Limits = DEFAULT,
        persons: Persons = ALONE,
    ) -> None:
        self.ledger = ledger
        self.contents = contents
        self._connectors = connectors
        self._ceiling = ceiling
        self._policies = policies
        self._person = person
        self._stopped = stopped
        self._directory = directory
        self._reviewed = {
            name: pin(connector.declarations.values()) == reviewed.get(name)
            for name, connector in connectors.items()
        }
        self._limits = limits
        self.persons = persons
        self._spent: dict[str, Spending] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._histories: dict[str, History] = {}
        self._plans: dict[str, Plan] = {}

    def act(
        self, run: Run, agent: Agent, actions: Sequence[Action], *, by_person: bool = False
    ) -> list[Result]:
        """One result per action, in order. An action that this run already did is not done again."""
        results: dict[str, Result] = {}
        before = self._outbox(run.id)
        once = {action.external_id: action for action in actions}  # the same thing named twice is done once
        new = [
            action
            for action in once.values()
            if not self._is_settled(run, agent, action, before.get(action.external_id), results)
        ]
        allowed = self._decide(run, agent, new, results, by_person=by_person) if new else []
        for batch in self._batches(allowed):
            stopped = self._stopped()
            done = (
                self._perform(run, agent, batch)
                if stopped is None
                else self._hold(run, agent, batch, stopped)
            )
            results |= {result.action.external_id: result for result in done}
        return [results[action.external_id] for action in actions]

    def knows(self, action: Action) -> bool:
        """Whether the guard has decided on this action before; how it went is in the ledger."""
        return action.external_id in self._outbox(action.run)

    def settle(self, run: Run, agent: Agent) -> int:
        """After a crash: find out how each reserved action of ``run`` went. Returns how many there were."""
        open_ = [item for item in self._outbox(run.id).values() if item.stand in ("reserved", "unknown")]
        for item in open_:
            self._settle(run, agent, self.restore(item.decided), item)
        return len(open_)

    def restore(self, decided: ActionDecided) -> Action:
        """The action behind its event, sealed arguments and all."""
        return restore(self.contents, decided)

    def _is_settled(
        self, run: Run, agent: Agent, action: Action, known: Item | None, results: dict[str, Result]
    ) -> bool:
        """Whether this run knows already how ``action`` went; a read is never old news."""
        declaration = self.declaration(action.verb)
        if known is None or (declaration is not None and declaration.effect == "read"):
            return False
        if known.stand in ("reserved", "unknown"):
            known = self._settle(run, agent, action, known)
        if known.stand not in ("done", "unknown"):
            return False
        results[action.external_id] = _known(action, known)
        return True

    def _outbox(self, run: str) -> dict[str, Item]:
        if run not in self._outboxes:
            self._outboxes[run] = Outbox(self.ledger, run)
        return self._outboxes[run].refresh()

    # -- deciding ------------------------------------------------------------------------

    def _decide(
        self,
        run: Run,
        agent: Agent,
        actions: Sequence[Action],
        results: dict[str, Result],
        *,
        by_person: bool,
    ) -> list[tuple[Action, Decision]]:
        """Decide one after the other and store it; those that are allowed. The rest goes to ``results``.

        Nobody else writes in between, so two claws never take the same last unit of a budget.
        """
        declarations = [self.declaration(action.verb) for action in actions]
        calls = [(declared, action.arguments) for declared, action in zip(declarations, actions, strict=True)]
        split = seal(self.contents, calls)
        seen = self._look(actions)
        allowed: list[tuple[Action, Decision]] = []
        facts: list[Event] = []
        with self._spending(run) as spending, self.ledger.writing():
            view = self._view(run, agent, spending, seen, by_person=by_person)
            self._refuse_taken(run, actions, view.items)
            for action, declared, sealed in zip(actions, declarations, split, strict=True):
                decision = decide(action, view.context(action, declared))
                new = [_decided(run, agent, action, decision, declared=declared, split=sealed, view=view)]
                if decision.verdict == "allow":
                    allowed.append((action, decision))
                else:
                    results[action.external_id], more = self._not_now(run, agent, action, decision, view)
                    new += more
                for fact in new:
                    view.spent.take(fact, view.now)
                facts += new
            if any(isinstance(fact, RunFrozen) for fact in facts):
                facts += withdrawn(facts, view.approvals, view.spent.tree, view.now)
                results |= {id_: _taken_back(result) for id_, result in results.items() if result.approval}
            spending.wrote(self.ledger.record(*facts))
        return allowed

    def _look(self, actions: Sequence[Action]) -> dict[str, Mapping[str, Enclosed]]:
        """What a person is most often asked about, read before anybody has to wait for this one to write."""
        seen: dict[str, Mapping[str, Enclosed]] = {}
        for action in actions:
            declared = self.declaration(action.verb)
            if declared is not None and (declared.effect in REACHING or not declared.reversible):
                with suppress(MeshClawError):  # whether it matters, the decision will tell
                    seen[action.external_id] = self.enclosed(action)
        return seen

    def _refuse_taken(self, run: Run, actions: Sequence[Action], items: Mapping[str, Item]) -> None:
        """What was open a moment ago and is not any more is in the hands of another process."""
        for action in actions:
            item = items.get(action.external_id)
            if (
                item is not None
                and item.decided.effect != "read"
                and item.stand in ("reserved", "done", "unknown")
            ):
                raise Busy(
                    f"another process does {action.verb} of this run already",
                    fix=f"See how it went: meshclaw run show {run.id[-8:]}",
                )

    @contextmanager
    def _spending(self, run: Run) -> Generator[Spending]:
        """Kept from call to call; forgotten where what it took was not stored."""
        spending = self._spent.pop(run.id, None) or Spending(self.ledger, run.id)
        yield spending
        self._spent[run.id] = spending

    def _view(
        self, run: Run, agent: Agent, spending: Spending, seen: Mapping[str, Mapping[str, Enclosed]], *,
        by_person: bool,
    ) -> _View:  # fmt: skip
        now = self.ledger.now().astimezone()  # policies speak of the hours of this place
        return _View(
            grant=Grant(
                ceiling=self._ceiling.rights,
                agent=agent.rights,
                intent=INTENTS.get(run.request.intent, NOTHING),
            ),
            autonomy=Autonomy(self.ledger.events(AutonomyChanged)),
            approvals=Approvals(self.ledger.events(*ANSWERS), now),
            agent=agent,
            now=now,
            by_person=by_person and run.request.trust == "person",
            request=run.request,
            history=self._history(run),
            plan=self._plans.get(run.id),
            directory=self._directory,
            reviewed=self._reviewed,
            limits=self._limits,
            spent=spending.refresh(now),
            door=self,
            items=self._outbox(run.id),
            seen=seen,
            policies=self._policies,
            stopped=self._stopped(),
            person=self._person,
        )

    def _history(self, run: Run) -> History:
        """What it has read; only where a request's own words are judged does it matter."""
        if run.id not in self._histories:
            known = (
                recall(self.ledger, self.contents, run.id, self.declaration)
                if run.request.words
                else History()
            )
            self._histories[run.id] = known
            for fact in self.ledger.events(PlanFrozen, run=run.id):
                self._plans[run.id] = Plan(verbs=frozenset(fact.verbs), written=frozenset(fact.written))
        return self._histories[run.id]

    def _freeze(self, run: Run) -> list[PlanFrozen]:
        """With the first text by strangers the plan stands: what any connector offers later is not in it."""
        if run.id in self._plans or not self._history(run).tainted:
            return []
        declared = [one for connector in self._connectors.values() for one in connector.declarations.values()]
        plan = self._plans[run.id] = freeze(run.request.words, declared)
        return [
            PlanFrozen(
                run=run.id, intent=run.request.intent, agent=run.agent,
                verbs=tuple(sorted(plan.verbs)), written=tuple(sorted(plan.written)),
            )
        ]  # fmt: skip

    def declaration(self, verb: str) -> Declaration | None:
        connector = self._connectors.get(verb.partition(".")[0])
        return connector.declarations.get(verb) if connector else None

    def _not_now(
        self, run: Run, agent: Agent, action: Action, decision: Decision, view: _View
    ) -> tuple[Result, list[Event]]:
        declaration = self.declaration(action.verb)
        if decision.verdict == "deny" or declaration is None:
            freezes = decision.rule == FROZEN and not view.spent.frozen
            result = Result(action=action, stand="denied", decision=decision)
            return result, [_frozen(run, agent, view.spent)] if freezes else []
        waiting = next((a for a in view.approvals.open() if a.external_id == action.external_id), None)
        if waiting is not None:
            return Result(action=action, stand="asked", decision=decision, approval=waiting.id), []
        slip = draw(
            action, declaration, decision,
            enclosed=view.enclosed(action), agent=label(agent), salt=secrets.token_hex(16),
        )  # fmt: skip
        asked = ask(
            self.contents, run, action, declaration,
            slip=slip, rule=decision.rule, now=view.now, persons=self.persons, needs=decision.needs,
        )  # fmt: skip
        return Result(action=action, stand="asked", decision=decision, approval=asked.approval), [asked]

    def enclosed(self, action: Action) -> Mapping[str, Enclosed]:
        """What the action points at, as it is now. A silent world raises; a thing that is gone is told."""
        try:
            return self._connectors[action.connector].enclose(action)
        except (NotFound, Refused) as error:
            return {"not-shown": Enclosed(role="text", value=f"It could not be read: {error.code}")}

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
        self._record(run, agent, results)
        return results

    def _hold(
        self, run: Run, agent: Agent, batch: list[tuple[Action, Decision]], stopped: Stop
    ) -> list[Result]:
        """Do nothing of what was allowed and not begun when the kill switch was found; it can be resumed."""
        decision = stop.refusal(stopped)
        held = _Held(decision.reason)
        self._record(run, agent, [Result(action=one, stand="failed", error=held) for one, _ in batch])
        return [Result(action=one, stand="denied", decision=decision) for one, _ in batch]

    def _settle(self, run: Run, agent: Agent, action: Action, item: Item) -> Item:
        """Probe; a found effect gets its receipt, a missing one may be done again, doubt stays doubt."""
        try:
            receipt = self._connectors[action.connector].probe(action)
        except Uncertain as error:
            if item.stand != "unknown":
                self._record(run, agent, [Result(action=action, stand="unknown", error=error)])
            return self._outbox(run.id)[action.external_id]
        lost = _Lost("it was not done before the stop") if receipt is None else None
        stand: Stand = "done" if receipt else "failed"
        self._record(
            run, agent, [Result(action=action, stand=stand, receipt=receipt, error=lost)], found=True
        )
        return self._outbox(run.id)[action.external_id]

    def _record(self, run: Run, agent: Agent, results: Sequence[Result], *, found: bool = False) -> None:
        undos = [result.receipt.undo for result in results if result.receipt and result.receipt.undo]
        split = iter(seal(self.contents, [(self.declaration(undo.verb), undo.arguments) for undo in undos]))
        values = self._keep(run, results)
        facts: list[Event] = []
        for result, value in zip(results, values, strict=True):
            undo = result.receipt.undo if result.receipt else None
            if undo is not None:
                clear, sealed = next(split)
                undo = Undo(verb=undo.verb, arguments=clear, sealed=sealed)
            facts.append(_result_fact(run, agent, result, undo, found=found, value=value))
        self.ledger.record(*facts, *self._freeze(run))

    def _keep(self, run: Run, results: Sequence[Result]) -> list[str]:
        """Where words are judged, what was brought back is part of the ground on which the next step is."""
        if not run.request.words:
            return [""] * len(results)
        values = [msgspec.to_builtins(result.value) for result in results]
        history = self._history(run)
        for result, value in zip(results, values, strict=True):
            declared = self.declaration(result.action.verb)
            if result.receipt is not None and declared is not None:
                approved = result.decision is not None and result.decision.rule == "approval"
                history.add(result.action, declared, value, approved=approved)
        return keep(self.contents, values)


class _Lost(MeshClawError):
    code = LOST


class _Held(MeshClawError):
    code = HELD


class _View(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same for all decisions of one call."""

    grant: Grant
    autonomy: Autonomy
    approvals: Approvals
    agent: Agent
    now: datetime
    by_person: bool
    request: Request
    history: History
    plan: Plan | None
    directory: Directory
    reviewed: Mapping[str, bool]
    limits: Limits
    spent: Spent
    door: Door
    items: Mapping[str, Item]
    seen: Mapping[str, Mapping[str, Enclosed]]
    policies: Policies
    stopped: Stop | None
    person: Person

    def context(self, action: Action, declaration: Declaration | None) -> Context:
        approval, persons = self._answer(action), self.door.persons
        live = approval is not None and approval.state in ("allowed", "one_of_two")
        return Context(
            declaration=declaration, grant=self.grant, approval=approval,
            now=self.now, by_person=self.by_person, request=self.request, history=self.history, plan=self.plan,
            directory=self.directory, reviewed=self.reviewed.get(action.connector, False), agent=self.agent,
            policies=self.policies, stopped=self.stopped, person=self.person,
            level=self.autonomy.level(label(self.agent), declaration) if declaration else "draft",
            limits=self.limits, spent=self.spent, tainted=self._tainted,
            slip=slip_of(self.door.contents, approval) if approval and live else None,
            enclosed=self.enclosed(action) if live and declaration else {},
            two_person=persons.two_person, separate=persons.separate,
            approvers=persons.others(self.door.ledger.device.public),
        )  # fmt: skip

    def enclosed(self, action: Action) -> Mapping[str, Enclosed]:
        id_ = action.external_id
        return self.seen[id_] if id_ in self.seen else self.door.enclosed(action)

    def _answer(self, action: Action) -> Approval | None:
        """The newest answer; ``used`` where the action happened under it, or may have."""
        approval, item = self.approvals.answered_for(action.external_id), self.items.get(action.external_id)
        if approval is None or item is None or approval.id not in item.used:
            return approval
        return msgspec.structs.replace(approval, state="used")

    def used_by(self, action: Action, decision: Decision) -> str:
        """Id of the approval that the decision rests on."""
        approval = self._answer(action)
        return approval.id if approval and (decision.verdict, decision.rule) == ("allow", "approval") else ""

    @property
    def _tainted(self) -> bool:
        """Without words of a person no history is kept: any read may have been a stranger's text."""
        return self.history.tainted or (self.spent.has_read and not self.request.words)


def label(agent: Agent) -> str:
    """How events name an agent."""
    return f"{agent.name}@{agent.version}"


def _decided(
    run: Run, agent: Agent, action: Action, decision: Decision, *,
    declared: Declaration | None, split: Sealed, view: _View,
) -> Event:  # fmt: skip
    allowed = decision.verdict == "allow"
    return ActionDecided(
        run=run.id, intent=run.request.intent, agent=label(agent), external_id=action.external_id,
        verb=action.verb, effect=declared.effect if declared else "admin", digest=action.digest,
        arguments=split.clear, sealed=split.sealed, undoes=action.undoes,
        verdict=decision.verdict, rule=decision.rule, reason=decision.reason, labels=decision.labels,
        policies=decision.policies, approval=view.used_by(action, decision),
        cost=cost_of(action, declared, view.spent.mark) if declared and allowed else Cost(),
    )  # fmt: skip


def _frozen(run: Run, agent: Agent, spent: Spent) -> Event:
    return RunFrozen(run=run.id, intent=run.request.intent, agent=label(agent), questions=spent.questions)


def _taken_back(asked: Result) -> Result:
    decision = deny(FROZEN, "its run wanted to ask you too much after this and is frozen")
    return Result(action=asked.action, stand="denied", decision=decision)


def _result(action: Action, decision: Decision, outcome: Performed | MeshClawError) -> Result:
    if isinstance(outcome, Performed):
        return Result(
            action=action, stand="done", decision=decision, receipt=outcome.receipt, value=outcome.value
        )
    stand = "unknown" if isinstance(outcome, Uncertain) else "failed"
    return Result(action=action, stand=stand, decision=decision, error=outcome)


def _result_fact(
    run: Run, agent: Agent, result: Result, undo: Undo | None, *, found: bool, value: str
) -> Event:
    run_id, intent, who, id_ = run.id, run.request.intent, label(agent), result.action.external_id
    if (receipt := result.receipt) is not None:
        return ActionPerformed(
            run=run_id,
            intent=intent,
            agent=who,
            external_id=id_,
            link=receipt.link,
            undo=undo,
            found=found,
            value=value,
        )
    kind = ActionUnknown if result.stand == "unknown" else ActionFailed
    code = result.error.code if result.error else "error"
    return kind(run=run_id, intent=intent, agent=who, external_id=id_, error=code)


def _known(action: Action, item: Item) -> Result:
    if item.performed is None:
        return Result(action=action, stand="unknown")
    receipt = Receipt(external_id=action.external_id, link=item.performed.link, undo=item.performed.undo)
    return Result(action=action, stand="done", receipt=receipt)
