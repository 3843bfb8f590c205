"""Asking a person, and the answer."""

from __future__ import annotations

from meshclaw.flow.approval import Answer
from meshclaw.flow.event.base import Event


class ApprovalAsked(Event, frozen=True, kw_only=True, tag="approval.asked"):
    approval: str
    """Id of the approval: 8 hex digits, what the person types."""
    external_id: str
    """Of the action it is for."""
    digest: str
    """Of the action: any other action needs another approval."""
    verb: str
    """``connector.verb``."""
    rule: str
    """The rule that asked."""
    expires: str
    """RFC 3339, UTC."""


class ApprovalAnswered(Event, frozen=True, kw_only=True, tag="approval.answered"):
    approval: str
    """Id of the approval."""
    answer: Answer
    """What the person said, or that nobody needs to say anything any more."""
    after_ms: int
    """Time from the ask to the answer, milliseconds: the health of approvals is measured."""
