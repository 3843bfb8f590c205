"""Approvals as the ledger's events left them: open, allowed, denied or expired."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from meshclaw.errors import NotFound
from meshclaw.flow.action import Action
from meshclaw.flow.approval import Approval
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked
from meshclaw.guard.context import Context

LIFETIME = timedelta(hours=72)
"""Long enough for a weekend; the world the person saw when asked must still be this one."""


class Approvals:
    """Folded from events, so they survive any restart; nothing is kept beside the ledger."""

    def __init__(self, events: Iterable[ApprovalAsked | ApprovalAnswered], now: datetime) -> None:
        self._by_id: dict[str, Approval] = {}
        for event in events:
            if isinstance(event, ApprovalAsked):
                self._by_id[event.approval] = _asked(event)
            else:
                self._answer(event)
        for id_, approval in self._by_id.items():
            if approval.state == "open" and now >= approval.expires:
                self._by_id[id_] = msgspec.structs.replace(approval, state="expired")

    def _answer(self, event: ApprovalAnswered) -> None:
        approval = self._by_id[event.approval]
        self._by_id[event.approval] = msgspec.structs.replace(approval, state=event.answer)

    def all(self) -> list[Approval]:
        return list(self._by_id.values())

    def open(self) -> list[Approval]:
        return [approval for approval in self._by_id.values() if approval.state == "open"]

    def get(self, prefix: str) -> Approval:
        matches = [approval for id_, approval in self._by_id.items() if prefix and id_.startswith(prefix)]
        if len(matches) != 1:
            count = "no approval has" if not matches else "several approvals have"
            raise NotFound(f"{count} the id {prefix!r}", fix="List them with: meshclaw approvals list --all")
        return matches[0]

    def answered_for(self, external_id: str) -> Approval | None:
        """The newest answer to this action, if a person gave one."""
        answered = [a for a in self._by_id.values() if a.external_id == external_id and a.state != "open"]
        return answered[-1] if answered else None


def _asked(event: ApprovalAsked) -> Approval:
    return Approval(
        id=event.approval,
        digest=event.digest,
        run=event.run,
        external_id=event.external_id,
        verb=event.verb,
        rule=event.rule,
        asked=datetime.fromisoformat(event.ts),
        expires=datetime.fromisoformat(event.expires),
    )


def answered(action: Action, context: Context) -> Decision | None:
    """What a person's answer to exactly this action comes to; None where nobody answered."""
    approval = context.approval
    if approval is None:
        return None
    if approval.digest != action.digest or approval.run != action.run:
        return deny("approval.other", "the approval is for another action than this one")
    if approval.state == "withdrawn":
        return deny("approval.withdrawn", "its run was cancelled or undone")
    if approval.state == "denied":
        return deny("approval.denied", "you said no to this")
    if approval.state != "allowed" or context.now >= approval.expires:
        return deny("approval.expired", "the approval ran out before it was used")
    return Decision(verdict="allow", rule="approval", reason="you allowed exactly this")
