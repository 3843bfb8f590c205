"""A person's answer to an ask: recorded, and acted on at once."""

from __future__ import annotations

from typing import Literal

import msgspec

from meshclaw.errors import UserError
from meshclaw.flow.approval import Approval, Channel, SecondAnswer
from meshclaw.flow.decision import deny as denial
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalSeconded
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.guard.approvals import channel_problem
from meshclaw.guard.layers.autonomy import Autonomy
from meshclaw.guard.second import approver, problem
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.act import Door
from meshclaw.runs.result import Result
from meshclaw.runs.resume import agent_of
from meshclaw.runs.run import Told, approvals, finish


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the person had before them when they answered, and how the answer came."""

    shown: str
    """Digest of the slip."""
    channel: Channel = "terminal"
    read_ms: int | None = None


def allow(door: Door, told: Told, approval: Approval, seen: Seen) -> Result:
    """Do exactly what was asked; whatever is no longer as it was shown is denied."""
    item = told.items[approval.external_id]
    action = door.restore(item.decided)
    wrong_way = channel_problem(approval.channel, seen.channel, door.parts.persons.separate)
    if wrong_way is not None:  # not on record as an answer: nobody but the person may close an ask
        return Result(action=action, stand="denied", decision=wrong_way, approval=approval.id)
    _answer(door.ledger, told, approval, "allowed", seen)
    if approval.canary:
        finish(door.ledger, told.run)
        return Result(
            action=action, stand="denied", approval=approval.id,
            decision=denial("approval.canary", "this was a canary: it should have been refused. Nothing was done"),
        )  # fmt: skip
    return _act(door, told, approval)


def deny(ledger: Ledger, told: Told, approval: Approval, declaration: Declaration | None, seen: Seen) -> None:
    """Say no, and take the agent one step down its ladder for this verb; a canary was nobody's fault."""
    _answer(ledger, told, approval, "denied", seen)
    if declaration is not None and not approval.canary:
        _demote(ledger, told, declaration)
    finish(ledger, told.run)


def second(door: Door, told: Told, approval: Approval, answer: SecondAnswer) -> Result:
    """Take in another person's signed answer; acts where this person said yes already.

    Raises UserError where the answer does not count.
    """
    approvers = door.parts.persons.others(door.ledger.device.public)
    wrong = problem(approval, answer, approvers)
    refused = answer.answer == "denied" and approver(answer, approvers) is not None and answer.is_signed()
    if wrong is not None and not (refused and answer.shown == approval.shown):
        raise UserError(
            f"this answer does not count: {wrong}", fix="Ask them to sign the exported slip again."
        )
    _record_open(
        door.ledger, approval,
        ApprovalSeconded(
            run=told.run.id, intent=told.run.request.intent, agent=told.run.agent, approval=approval.id,
            second=answer,
        ),
    )  # fmt: skip
    if answer.answer == "denied":
        if (declaration := door.declaration(approval.verb)) is not None:
            _demote(door.ledger, told, declaration)
        finish(door.ledger, told.run)
        decision = denial("approval.denied", "the other person said no")
        action = door.restore(told.items[approval.external_id].decided)
        return Result(action=action, stand="denied", decision=decision, approval=approval.id)
    return _act(door, told, approval)


def _act(door: Door, told: Told, approval: Approval) -> Result:
    [result] = door.act(
        told.run, agent_of(door, told), [door.restore(told.items[approval.external_id].decided)]
    )
    finish(door.ledger, told.run)
    return result


def _demote(ledger: Ledger, told: Told, declaration: Declaration) -> None:
    autonomy = Autonomy(ledger.events(AutonomyChanged))
    lower = autonomy.after_rejection(told.run.agent, declaration)
    if lower != autonomy.level(told.run.agent, declaration):
        ledger.record(
            AutonomyChanged(agent=told.run.agent, verb=declaration.verb, level=lower, by="rejection")
        )


def _answer(
    ledger: Ledger, told: Told, approval: Approval, answer: Literal["allowed", "denied"], seen: Seen
) -> None:
    after = ledger.now() - approval.asked
    _record_open(
        ledger, approval,
        ApprovalAnswered(
            run=told.run.id, intent=told.run.request.intent, agent=told.run.agent, approval=approval.id,
            answer=answer, after_ms=int(after.total_seconds() * 1000),
            shown=seen.shown, channel=seen.channel, read_ms=seen.read_ms,
        ),
    )  # fmt: skip


def _record_open(ledger: Ledger, approval: Approval, event: ApprovalAnswered | ApprovalSeconded) -> None:
    """Of two processes that answer at the same time one is the first; the other is told so."""
    with ledger.writing():
        now = approvals(ledger).get(approval.id)
        twice = isinstance(event, ApprovalSeconded) and now.second is not None
        once = isinstance(event, ApprovalAnswered) and event.answer == "allowed" and now.state == "one_of_two"
        if now.state not in ("open", "one_of_two") or twice or once:
            raise UserError(
                f"the approval {approval.id} is {'answered by you' if once else now.state} already",
                fix="meshclaw approvals list shows the open ones.",
            )
        ledger.record(event)
