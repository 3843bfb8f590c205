"""Approvals: each slip as a terminal shows it, and the person's answer, bound to exactly that slip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from meshclaw.cli.approvals import Waiting, act_on, shown_of, waiting, waiting_of
from meshclaw.cli.slip import Line, drawn
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.approval import Approval
from meshclaw.guard.approvals import channel_problem
from meshclaw.home.page import Page, Shown, Visit, Went, looked_at, looked_ms
from meshclaw.runs import approve
from meshclaw.runs.result import Result
from meshclaw.runs.run import approvals, tell
from meshclaw.wiring import Claw

WIDE, NARROW = 88, 38
"""Cells of a slip on a desk and on a phone. We break its lines ourselves, as on a terminal."""
CLOSED = {
    "allowed": "You said yes. It was not done yet; a run that was cut off is gone on with by itself.",
    "used": "You said yes, and that was used; its run says what came of it.",
    "denied": "It was refused; it will not happen.",
    "withdrawn": "Nobody needs your answer any more: its run was cancelled or taken back.",
    "expired": "It ran out before anybody answered; it will not happen.",
    "one_of_two": "You said yes. It waits for another person, too.",
}  # fmt: skip


class All(msgspec.Struct, frozen=True, kw_only=True):
    open: Sequence[Waiting]
    closed: Sequence[Waiting]
    """The newest first."""


class One(msgspec.Struct, frozen=True, kw_only=True):
    approval: Waiting
    wide: Sequence[Line]
    """Empty where what was shown is forgotten."""
    narrow: Sequence[Line]
    closed: str
    """Why it can no longer be answered; empty where it can."""
    elsewhere: str
    """Why it cannot be allowed here; empty where it can."""
    shown: str
    """Digest of this slip."""
    looked: str
    """Sealed: when this slip was put before the person."""


def every(visit: Visit) -> Shown:
    open_ = waiting(visit.claw)
    ids = {one.id for one in open_}
    closed = [one for one in waiting(visit.claw, all_=True) if one.id not in ids]
    closed.sort(key=lambda one: one.asked, reverse=True)
    return Shown(title="Approvals", template="approvals.html", context=All(open=open_, closed=closed[:20]))


def one(visit: Visit) -> Shown:
    claw, approval = visit.claw, approvals(visit.claw.ledger).get(visit.path["id"])
    try:
        slip, declaration = shown_of(claw, approval)
    except NotFound:
        wide, narrow = [], []
    else:
        wide, narrow = (list(drawn(slip, declaration, width=width, full=True)) for width in (WIDE, NARROW))
    context = One(
        approval=waiting_of(claw, approval), wide=wide, narrow=narrow,
        closed=_closed(claw, approval),
        elsewhere=_elsewhere(claw, approval), shown=approval.shown,
        looked=looked_at(visit.session, approval.id, approval.shown),
    )  # fmt: skip
    return Shown(title="Approval", template="approval.html", context=context)


def _closed(claw: Claw, approval: Approval) -> str:
    if approval.state == "open":
        return ""
    item = tell(claw.ledger, claw.contents, approval.run).items.get(approval.external_id)
    is_used = item is not None and approval.id in item.used
    return CLOSED["used" if approval.state == "allowed" and is_used else approval.state]


def _elsewhere(claw: Claw, approval: Approval) -> str:
    wrong = channel_problem(approval.channel, "page", claw.persons.separate)
    return wrong.reason if wrong else ""


def allow(visit: Visit) -> Went:
    visit.claw.refuse_if_stopped()
    approval, seen = _seen(visit, "allowed")
    shown_of(visit.claw, approval)
    result = act_on(visit.claw, approval, seen)
    visit.house.answered(approval.run)
    return _told(approval, result)


def deny(visit: Visit) -> Went:
    claw = visit.claw
    approval, seen = _seen(visit, "denied")
    told = tell(claw.ledger, claw.contents, approval.run)
    approve.deny(claw.ledger, told, approval, claw.declaration(approval.verb, approval.run), seen)
    visit.house.answered(approval.run)
    words = "It was a canary, and you caught it." if approval.canary else "Denied; it will not happen."
    return Went(to="/approvals", words=words)


def _seen(visit: Visit, answer: Literal["allowed", "denied"]) -> tuple[Approval, approve.Seen]:
    """What this session was shown of it, and for how long. UserError where it was not shown, or is another now."""
    approval, shown = approvals(visit.claw.ledger).get(visit.path["id"]), visit.form.get("shown", "")
    read_ms = looked_ms(visit.session, visit.form.get("looked", ""), approval.id, shown)
    if read_ms is None or shown != approval.shown:
        raise UserError(
            f"nothing was {answer}: what you answered is not what stands here now",
            fix="Look at it again, then answer.",
        )
    return approval, approve.Seen(shown=shown, channel="page", read_ms=read_ms)


def _told(approval: Approval, result: Result) -> Went:
    to, decision = f"/approvals/{approval.id}", result.decision
    if result.stand == "done":
        return Went(to="/approvals", words="Done, exactly as it was shown.")
    if result.stand == "asked" and decision is not None:
        return Went(to=to, words=f"Not yet: {', '.join(decision.needs)} is missing.")
    if decision is not None and result.stand == "denied":
        return Went(to=to, words=f"Denied: {decision.reason}.", failed=True)
    what = "In doubt" if result.stand == "unknown" else "Failed"
    return Went(to=to, words=f"{what}: {result.error}.", failed=True)


PAGE = Page(
    name="Approvals", path="/approvals",
    shows={"/approvals": every, "/approvals/{id}": one},
    does={"/approvals/{id}/allow": allow, "/approvals/{id}/deny": deny},
    waits=lambda claw: sum(one.state == "open" for one in approvals(claw.ledger).open()),
)  # fmt: skip
