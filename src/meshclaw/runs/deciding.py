"""Deciding on what a run wants, one action after the other, each decision stored before any deed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress

import msgspec

from meshclaw.agents.builtin import shipped
from meshclaw.connectors.base import Connector
from meshclaw.errors import Busy, MeshClawError, NotFound, Refused
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.cost import Cost
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.event.run import PlanFrozen, RunFrozen
from meshclaw.flow.grant import Grant
from meshclaw.flow.person import Person
from meshclaw.flow.plan import Plan
from meshclaw.flow.run import Run
from meshclaw.flow.slip import Enclosed
from meshclaw.flow.stop import Stop
from meshclaw.guard import decide
from meshclaw.guard.approvals import ANSWERS, Approvals
from meshclaw.guard.ceiling import Ceiling
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import History
from meshclaw.guard.intents import INTENTS, NOTHING
from meshclaw.guard.layers.autonomy import Autonomy
from meshclaw.guard.layers.budget import cost_of
from meshclaw.guard.layers.plan import freeze
from meshclaw.guard.layers.questions import FROZEN
from meshclaw.guard.layers.review import SHIPPED, pin
from meshclaw.guard.limits import DEFAULT, Limits, tightest
from meshclaw.guard.policy.policies import Policies
from meshclaw.guard.slip import REACHING, draw
from meshclaw.guard.spent import Spent
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.ask import ALONE, Persons, ask
from meshclaw.runs.freeze import withdrawn
from meshclaw.runs.outbox import Item, Outbox
from meshclaw.runs.purse import OWN, Purse
from meshclaw.runs.recall import keep, recall
from meshclaw.runs.result import Result
from meshclaw.runs.seal import Sealed, seal
from meshclaw.runs.seen import Seen
from meshclaw.runs.spending import Spending
from meshclaw.runs.view import View
from meshclaw.runs.why import KeptInputs, Rules


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Read once, before any run: a run cannot change its own limits."""

    ledger: Ledger
    contents: ContentStore
    connectors: Mapping[str, Connector]
    reviewed: Mapping[str, str] = msgspec.field(default_factory=lambda: SHIPPED)
    """By connector, the pin of what was reviewed."""
    ceiling: Ceiling
    policies: Policies
    person: Person
    directory: Directory = Directory()
    limits: Limits = DEFAULT
    persons: Persons = ALONE
    purse: Purse = OWN
    """Asked before each call of a model, after the limits."""
    stopped: Callable[[], Stop | None]
    """Looks for the kill switch; asked at each call."""
    agents: Callable[[str], Agent] = shipped
    """The agent that a run began with, by its label; UserError where it is not here."""


class Deciding:
    """Keeps, from call to call, what each run has read, planned, spent and done."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._reviewed = {
            name: pin(connector.declarations.values()) == parts.reviewed.get(name)
            for name, connector in parts.connectors.items()
        }
        self._rules = Rules(
            policies={source.name: source.text for source in parts.policies.sources},
            declarations=[
                one for several in parts.connectors.values() for one in several.declarations.values()
            ],
            directory=parts.directory,
        )
        self._kept = KeptInputs(parts.contents, self._rules)
        self._autonomy = Seen(parts.ledger, AutonomyChanged)
        self._answers = Seen(parts.ledger, *ANSWERS)
        self._spent: dict[str, Spending] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._histories: dict[str, History] = {}
        self._plans: dict[str, Plan] = {}
        self._tightest: tuple[tuple[Limits, Limits], Limits] | None = None

    def outbox(self, run: str, *, fresh: bool = True) -> dict[str, Item]:
        """Not ``fresh``: as it was when it was last looked at."""
        if run not in self._outboxes:
            self._outboxes[run] = Outbox(self.parts.ledger, run)
        return self._outboxes[run].refresh() if fresh else self._outboxes[run].items

    def declaration(self, verb: str) -> Declaration | None:
        connector = self.parts.connectors.get(verb.partition(".")[0])
        return connector.declarations.get(verb) if connector else None

    def decide(
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
        split = seal(self.parts.contents, calls)
        seen = self._look(actions)
        allowed: list[tuple[Action, Decision]] = []
        facts: list[Event] = [*self.freeze(run)]  # a conversation that goes on may have read much before
        with self.spending(run) as spending, self.parts.ledger.writing():
            view = self._view(run, agent, spending, seen, by_person=by_person)
            self._refuse_taken(run, actions, view.items)
            for action, declared, sealed in zip(actions, declarations, split, strict=True):
                context = view.context(action, declared)
                decision = decide(action, context)
                new = [
                    _decided(
                        run, agent, action, decision, declared=declared, split=sealed, view=view,
                        inputs=self._kept.keep(context),
                    )
                ]  # fmt: skip
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
            spending.wrote(self.parts.ledger.record(*facts))
        return allowed

    def _look(self, actions: Sequence[Action]) -> dict[str, Mapping[str, Enclosed]]:
        """What a person is most often asked about, read before anybody has to wait for this one to write."""
        seen: dict[str, Mapping[str, Enclosed]] = {}
        for action in actions:
            declared = self.declaration(action.verb)
            if declared is not None and (declared.effect in REACHING or not declared.reversible):
                self.parts.ledger.flush()  # it may take a while: what is known by now is kept first
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

    def _view(
        self, run: Run, agent: Agent, spending: Spending, seen: Mapping[str, Mapping[str, Enclosed]], *,
        by_person: bool,
    ) -> View:  # fmt: skip
        parts = self.parts
        now = parts.ledger.now().astimezone()  # policies speak of the hours of this place
        intent = INTENTS.get(run.request.intent, NOTHING)
        return View(
            grant=Grant(ceiling=parts.ceiling.rights, agent=agent.rights, intent=intent), now=now,
            agent=agent.bare, limits=self.limits(agent),
            autonomy=Autonomy(self._autonomy.all()),
            approvals=Approvals(self._answers.all(), now),
            by_person=by_person and run.request.trust == "person", request=run.request,
            history=self.history(run), plan=self._plans.get(run.id), directory=parts.directory,
            reviewed=self._reviewed, spent=spending.refresh(now), items=self.outbox(run.id),
            seen=seen, policies=parts.policies, stopped=parts.stopped(), person=parts.person,
            persons=parts.persons, own_key=parts.ledger.device.public, contents=parts.contents, look=self.enclosed,
        )  # fmt: skip

    def limits(self, agent: Agent) -> Limits:
        of = self.parts.limits, agent.limits
        if self._tightest is None or self._tightest[0] != of:
            self._tightest = of, tightest(*of)
        return self._tightest[1]

    @contextmanager
    def spending(self, run: Run) -> Generator[Spending]:
        """Kept from call to call; forgotten where what it took was not stored."""
        if run.id not in self._spent:
            self._spent[run.id] = Spending(self.parts.ledger, run.id)
        spending = self._spent[run.id]
        try:
            yield spending
        except BaseException:
            spending.forget()
            raise

    def _not_now(
        self, run: Run, agent: Agent, action: Action, decision: Decision, view: View
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
            enclosed=view.enclosed(action), agent=agent.label, salt=secrets.token_hex(16),
        )  # fmt: skip
        asked = ask(
            self.parts.contents, run, action, declaration,
            slip=slip, rule=decision.rule, now=view.now, persons=self.parts.persons, needs=decision.needs,
        )  # fmt: skip
        return Result(action=action, stand="asked", decision=decision, approval=asked.approval), [asked]

    def enclosed(self, action: Action) -> Mapping[str, Enclosed]:
        """What the action points at, as it is now. A silent world raises; a thing that is gone is told."""
        try:
            return self.parts.connectors[action.connector].enclose(action)
        except (NotFound, Refused) as error:
            return {"not-shown": Enclosed(role="text", value=f"It could not be read: {error.code}")}

    # -- what was read ------------------------------------------------------------

    def history(self, run: Run) -> History:
        """What it has read; only where a request's own words are judged does it matter."""
        if run.id not in self._histories:
            known = (
                recall(self.parts.ledger, self.parts.contents, run, self.declaration)
                if run.request.words
                else History()
            )
            self._histories[run.id] = known
            for fact in self.parts.ledger.events(PlanFrozen, run=run.id):
                self._plans[run.id] = Plan(verbs=frozenset(fact.verbs), written=frozenset(fact.written))
        return self._histories[run.id]

    def freeze(self, run: Run) -> list[PlanFrozen]:
        """With the first text by strangers the plan stands: what any connector offers later is not in it."""
        if not self.history(run).tainted or run.id in self._plans:
            return []
        plan = self._plans[run.id] = freeze(run.request.words, self._rules.declarations)
        return [
            PlanFrozen(
                run=run.id, intent=run.request.intent, agent=run.agent,
                verbs=tuple(sorted(plan.verbs)), written=tuple(sorted(plan.written)),
            )
        ]  # fmt: skip

    def keep(self, run: Run, results: Sequence[Result]) -> list[str]:
        """Where words are judged, what was brought back is part of the ground on which the next step is."""
        if not run.request.words:
            return [""] * len(results)
        values = [msgspec.to_builtins(result.value) for result in results]
        history = self.history(run)
        for result, value in zip(results, values, strict=True):
            declared = self.declaration(result.action.verb)
            if result.receipt is not None and declared is not None:
                approved = result.decision is not None and result.decision.rule == "approval"
                history.add(result.action, declared, value, approved=approved)
        return keep(self.parts.contents, [result.value for result in results])


def _decided(
    run: Run, agent: Agent, action: Action, decision: Decision, *,
    declared: Declaration | None, split: Sealed, view: View, inputs: str,
) -> Event:  # fmt: skip
    allowed = decision.verdict == "allow"
    return ActionDecided(
        run=run.id, intent=run.request.intent, agent=agent.label, external_id=action.external_id,
        # The name of a verb that nobody declares was made up by whoever asked for it: no word of it is kept.
        verb=action.verb if declared else "undeclared", effect=declared.effect if declared else "admin",
        digest=action.digest, arguments=split.clear, sealed=split.sealed, undoes=action.undoes,
        verdict=decision.verdict, rule=decision.rule, reason=decision.reason, labels=decision.labels,
        inputs=inputs, policies=decision.policies, approval=view.used_by(action, decision),
        cost=cost_of(action, declared, view.spent.mark, view.directory.lists) if declared and allowed else Cost(),
    )  # fmt: skip


def _frozen(run: Run, agent: Agent, spent: Spent) -> Event:
    return RunFrozen(run=run.id, intent=run.request.intent, agent=agent.label, questions=spent.questions)


def _taken_back(asked: Result) -> Result:
    decision = deny(FROZEN, "its run wanted to ask you too much after this and is frozen")
    return Result(action=asked.action, stand="denied", decision=decision)
