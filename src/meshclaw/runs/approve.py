"""A person's answer to an ask: recorded, and acted on at once."""

from __future__ import annotations

from typing import Literal

from meshclaw.errors import UserError
from meshclaw.flow.approval import Approval
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.approval import ApprovalAnswered
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.guard.autonomy import Autonomy
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.act import Door, Result
from meshclaw.runs.resume import agent_of
from meshclaw.runs.run import Told, finish


def allow(door: Door, told: Told, approval: Approval) -> Result:
    """Do exactly what was asked; anything else about it has another digest and is denied."""
    _answer(door.ledger, told, approval, "allowed")
    item = told.items[approval.external_id]
    [result] = door.act(told.run, agent_of(told), [door.restore(item.decided)])
    finish(door.ledger, told.run)
    return result


def deny(ledger: Ledger, told: Told, approval: Approval, declaration: Declaration | None) -> None:
    """Say no, and take the agent one step down its ladder for this verb."""
    _answer(ledger, told, approval, "denied")
    if declaration is not None:
        autonomy = Autonomy(ledger.events(AutonomyChanged))
        lower = autonomy.after_rejection(told.run.agent, declaration)
        if lower != autonomy.level(told.run.agent, declaration):
            ledger.record(
                AutonomyChanged(agent=told.run.agent, verb=approval.verb, level=lower, by="rejection")
            )
    finish(ledger, told.run)


def _answer(ledger: Ledger, told: Told, approval: Approval, answer: Literal["allowed", "denied"]) -> None:
    if approval.state != "open":
        raise UserError(
            f"the approval {approval.id} is {approval.state} already",
            fix="meshclaw approvals list shows the open ones.",
        )
    after = ledger.now() - approval.asked
    ledger.record(
        ApprovalAnswered(
            run=told.run.id, intent=told.run.request.intent, agent=told.run.agent,
            approval=approval.id, answer=answer, after_ms=int(after.total_seconds() * 1000),
        )
    )  # fmt: skip
