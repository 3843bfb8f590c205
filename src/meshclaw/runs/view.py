"""What the decisions of one call have in common, gathered once: rights, policies, answers, what was read and spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.approval import Approval
from meshclaw.flow.decision import Decision
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.grant import Grant
from meshclaw.flow.person import Person
from meshclaw.flow.plan import Plan
from meshclaw.flow.request import Request
from meshclaw.flow.slip import Enclosed
from meshclaw.flow.stop import Stop
from meshclaw.guard import Context
from meshclaw.guard.approvals import Approvals
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import History
from meshclaw.guard.layers.autonomy import Autonomy
from meshclaw.guard.limits import Limits
from meshclaw.guard.policy.policies import Policies
from meshclaw.guard.spent import Spent
from meshclaw.ledger.content import ContentStore
from meshclaw.runs.ask import Persons, slip_of
from meshclaw.runs.outbox import Item

Look = Callable[[Action], Mapping[str, Enclosed]]
"""What an action points at, as it is now."""


class View(msgspec.Struct, frozen=True, kw_only=True):
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
    items: Mapping[str, Item]
    seen: Mapping[str, Mapping[str, Enclosed]]
    policies: Policies
    stopped: Stop | None
    person: Person
    persons: Persons
    own_key: bytes
    """This device's: one person is not two."""
    contents: ContentStore
    look: Look

    def context(self, action: Action, declaration: Declaration | None) -> Context:
        approval, persons = self._answer(action), self.persons
        live = approval is not None and approval.state in ("allowed", "one_of_two")
        return Context(
            declaration=declaration, grant=self.grant, approval=approval,
            now=self.now, by_person=self.by_person, request=self.request, history=self.history, plan=self.plan,
            directory=self.directory, reviewed=self.reviewed.get(action.connector, False), agent=self.agent,
            policies=self.policies, stopped=self.stopped, person=self.person,
            level=self.autonomy.level(self.agent.label, declaration) if declaration else "draft",
            limits=self.limits, spent=self.spent, tainted=self._tainted,
            slip=slip_of(self.contents, approval) if approval and live else None,
            enclosed=self.enclosed(action) if live and declaration else {},
            two_person=persons.two_person, separate=persons.separate,
            approvers=persons.others(self.own_key),
        )  # fmt: skip

    def enclosed(self, action: Action) -> Mapping[str, Enclosed]:
        id_ = action.external_id
        return self.seen[id_] if id_ in self.seen else self.look(action)

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
