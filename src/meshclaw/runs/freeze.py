"""A run that wanted to ask too much: it freezes, and what it had asked is withdrawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked
from meshclaw.flow.event.base import Event
from meshclaw.guard.approvals import Approvals


def withdrawn(
    facts: Sequence[Event], approvals: Approvals, tree: frozenset[str], now: datetime
) -> Iterator[Event]:
    """Answers to all that the runs of ``tree`` asked, before and in ``facts``: a frozen run would not do it anyway."""
    asked = {fact.approval: (fact.run, now) for fact in facts if isinstance(fact, ApprovalAsked)}
    asked |= {one.id: (one.run, one.asked) for one in approvals.open() if one.run in tree}
    for id_, (run, at) in asked.items():
        after_ms = int((now - at).total_seconds() * 1000)
        yield ApprovalAnswered(run=run, approval=id_, answer="withdrawn", after_ms=after_ms)
