"""Approvals as the ledger's events left them, and what an answer comes to.

An answer allows only where everything still holds: the same action, the same slip, in time, by a way that is not the
one under attack, by as many persons as it takes, and not used before.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from meshclaw.errors import NotFound
from meshclaw.flow.action import Action
from meshclaw.flow.approval import Approval, Channel
from meshclaw.flow.decision import Decision, ask, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked, ApprovalPlanted, ApprovalSeconded
from meshclaw.flow.event.guard import ClockStepped
from meshclaw.guard.context import Context
from meshclaw.guard.second import needs_two, problem
from meshclaw.guard.slip import REACHING, still_holds

LONGEST = timedelta(hours=72)
"""Long enough for a weekend; the world the person saw when asked must still be this one."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
ANSWERS = (ApprovalAsked, ApprovalAnswered, ApprovalSeconded, ApprovalPlanted, ClockStepped)
"""Kinds of events that ``Approvals`` is folded from."""


def lifetime(declaration: Declaration) -> timedelta:
    """How long an ask waits: the more is at stake, the shorter."""
    if declaration.effect in ("deploy", "admin"):
        return timedelta(hours=4)
    if declaration.effect in REACHING or not declaration.reversible:
        return timedelta(hours=24)
    return LONGEST


class Approvals:
    """Folded from events, so they survive any restart; nothing is kept beside the ledger."""

    def __init__(
        self,
        events: Iterable[
            ApprovalAsked | ApprovalAnswered | ApprovalSeconded | ApprovalPlanted | ClockStepped
        ],
        now: datetime,
    ) -> None:
        self._by_id: dict[str, Approval] = {}
        for event in events:
            if isinstance(event, ClockStepped):
                self._run_out(datetime.fromisoformat(event.ts) + timedelta(milliseconds=event.back_ms))
                continue
            before = self._by_id.get(event.approval)
            match event:
                case ApprovalAsked():
                    self._by_id[event.approval] = _asked(event)
                case ApprovalAnswered() if before:
                    self._by_id[event.approval] = _answered(before, event)
                case ApprovalSeconded() if before:
                    self._by_id[event.approval] = _seconded(before, event)
                case ApprovalPlanted() if before:
                    self._by_id[event.approval] = msgspec.structs.replace(before, canary=True)
                case _:
                    pass  # an answer to what was never asked
        self._run_out(now)

    def _run_out(self, now: datetime) -> None:
        """What had run out once stays so, whatever the clock says afterwards; a yes that was not used yet does, too."""
        for id_, approval in self._by_id.items():
            if now < approval.expires:
                continue
            if approval.state in ("open", "one_of_two"):
                self._by_id[id_] = msgspec.structs.replace(approval, state="expired")
            elif approval.state == "allowed":
                self._by_id[id_] = msgspec.structs.replace(approval, expires=LONG_AGO)

    def all(self) -> list[Approval]:
        return list(self._by_id.values())

    def open(self) -> list[Approval]:
        """Those that wait for this person or for another one."""
        return [one for one in self._by_id.values() if one.state in ("open", "one_of_two")]

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
        id=event.approval, digest=event.digest, run=event.run, external_id=event.external_id, verb=event.verb,
        rule=event.rule, asked=datetime.fromisoformat(event.ts), expires=datetime.fromisoformat(event.expires),
        shown=event.shown, channel=event.channel, two=event.two,
    )  # fmt: skip


def _answered(before: Approval, event: ApprovalAnswered) -> Approval:
    state = event.answer
    if state == "allowed" and before.two and before.second is None:
        state = "one_of_two"
    if before.state == "denied":  # the other person's no came first
        state = "denied"
    return msgspec.structs.replace(before, state=state, seen=event.shown, answered_by=event.channel)


def _seconded(before: Approval, event: ApprovalSeconded) -> Approval:
    state = before.state
    if event.second.answer == "denied":
        state = "denied" if state in ("open", "one_of_two") else state
    elif state == "one_of_two":
        state = "allowed"
    return msgspec.structs.replace(before, state=state, second=event.second)


def channel_problem(
    asked_by: Channel, answered_by: Channel | None, separate: frozenset[Channel]
) -> Decision | None:
    """A denial where the answer came the way the request came, and the policy wants another one."""
    if answered_by == asked_by and asked_by in separate:
        return deny(
            "approval.channel",
            f"the request came by {asked_by}, so whoever sent it may also have answered; answer another way",
        )
    return None


def answered(action: Action, context: Context, asked: Decision | None) -> Decision | None:
    """What a person's answer to exactly this action comes to; None where nobody answered.

    ``asked`` is what would be asked now; what was shown then must still be the same.
    """
    approval = context.approval
    if approval is None or approval.state == "used":
        return None  # one yes is for one time: it is asked again
    reasons = {
        "other": (
            approval.digest != action.digest or approval.run != action.run,
            "the approval is for another action than this one",
        ),
        "canary": (
            approval.canary,
            "this was a canary: made to see whether asks are read, and never to be done",
        ),
        "withdrawn": (approval.state == "withdrawn", "its run was cancelled or undone"),
        "denied": (approval.state == "denied", "you said no to this, or the other person did"),
        "expired": (
            approval.state not in ("allowed", "one_of_two") or context.now >= approval.expires,
            "the approval ran out before it was used",
        ),
    }
    for rule, (applies, reason) in reasons.items():
        if applies:
            return deny(f"approval.{rule}", reason)
    if not _is_what_was_shown(action, context, approval, asked):
        return deny("approval.drift", "it is no longer what you were shown; look at it anew and ask again")
    wrong_way = channel_problem(approval.channel, approval.answered_by, context.separate)
    return (
        wrong_way
        or _second(context, approval, asked)
        or Decision(verdict="allow", rule="approval", reason="you allowed exactly this")
    )


def _is_what_was_shown(action: Action, context: Context, approval: Approval, asked: Decision | None) -> bool:
    slip, declaration = context.slip, context.declaration
    if slip is None or declaration is None or not approval.shown == slip.digest == approval.seen:
        return False
    return still_holds(slip, action, declaration, asked, context.enclosed)


def _second(context: Context, approval: Approval, asked: Decision | None) -> Decision | None:
    """An ask for what is still missing where two persons must say yes."""
    declaration, second = context.declaration, approval.second
    if declaration is None or not (
        approval.two or needs_two(declaration, context.two_person, asked.needs if asked else ())
    ):
        return None
    missing = problem(approval, second, context.approvers) if second else "nobody else has answered yet"
    if missing is None:
        return None
    return ask(
        "approval.second", f"{declaration.effect} takes two persons, and {missing}",
        "an answer signed by another person",
    )  # fmt: skip
