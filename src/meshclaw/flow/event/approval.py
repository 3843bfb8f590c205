"""Asking a person, and the answer."""

from __future__ import annotations

from meshclaw.flow.approval import Answer, Channel, SecondAnswer
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
    shown: str = ""
    """Digest of the slip, salted; the slip itself is in the content store. What has none can only be denied."""
    channel: Channel = "terminal"
    """How the request came that led to it."""
    two: bool = False
    """Two persons must say yes."""


class ApprovalAnswered(Event, frozen=True, kw_only=True, tag="approval.answered"):
    approval: str
    """Id of the approval."""
    answer: Answer
    """What the person said, or that nobody needs to say anything any more."""
    after_ms: int
    """Time from the ask to the answer, milliseconds."""
    shown: str = ""
    """Digest of the slip that the person saw; an answer to any other slip than the one asked about allows nothing."""
    channel: Channel = "terminal"
    """How the answer came."""
    read_ms: int | None = None
    """How long the slip stood before the person until they answered, milliseconds; none where nobody measured."""


class ApprovalSeconded(Event, frozen=True, kw_only=True, tag="approval.seconded"):
    """Another person answered, on their own machine."""

    approval: str
    """Id of the approval."""
    second: SecondAnswer
    """The answer as it was signed: anybody who has the public key can check it again."""


class ApprovalPlanted(Event, frozen=True, kw_only=True, tag="approval.planted"):
    """This ask is a canary. Private: it never leaves this machine."""

    approval: str
    """Id of the approval."""
