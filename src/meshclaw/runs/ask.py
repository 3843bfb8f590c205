"""Asking a person: the slip kept, and the ask as an event that binds the answer to it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from meshclaw.errors import NotFound
from meshclaw.flow.action import Action
from meshclaw.flow.approval import SEPARATE, Approval, Channel
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.approval import ApprovalAsked
from meshclaw.flow.run import Run
from meshclaw.flow.slip import Slip
from meshclaw.guard.approvals import lifetime
from meshclaw.guard.second import TWO_PERSON, needs_two
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import timestamp


class Persons(msgspec.Struct, frozen=True, kw_only=True):
    """Who may answer, and how; from the ceiling, which neither the claw nor its person can change."""

    two_person: frozenset[str] = TWO_PERSON
    """Effects and verbs that take two persons."""
    approvers: Mapping[str, bytes] = {}
    """Public device keys of those who may be the second one, by name."""
    separate: frozenset[Channel] = SEPARATE
    """Ways by which a request can come that an answer to its asks must not take."""

    def others(self, own: bytes) -> dict[str, bytes]:
        """``approvers`` without this device's own key: one person is not two."""
        return {name: key for name, key in self.approvers.items() if key != own}


ALONE = Persons()
"""Nobody is listed as a second person, so what takes two waits until somebody is."""


def ask(
    contents: ContentStore, run: Run, action: Action, declaration: Declaration, *,
    slip: Slip, rule: str, now: datetime, persons: Persons, needs: Sequence[str] = (),
) -> ApprovalAsked:  # fmt: skip
    """Keeps the slip; the event is for the caller to record."""
    [shown] = contents.put([slip])
    return ApprovalAsked(
        run=run.id, intent=run.request.intent, agent=slip.agent, approval=secrets.token_hex(4),
        external_id=action.external_id, digest=action.digest, verb=action.verb, rule=rule, shown=shown,
        expires=timestamp(now + lifetime(declaration)), channel=run.request.trigger,
        two=needs_two(declaration, persons.two_person, needs),
    )  # fmt: skip


def slip_of(contents: ContentStore, approval: Approval) -> Slip | None:
    """What was shown; None where it was forgotten, or never kept."""
    try:
        return msgspec.json.decode(contents.get(approval.shown), type=Slip) if approval.shown else None
    except NotFound:
        return None
