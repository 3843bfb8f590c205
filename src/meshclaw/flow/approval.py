"""A person's answer to an ask, bound to the exact action and to what the person was shown."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from meshclaw.flow.request import Trigger
from meshclaw.flow.signature import signed_by
from meshclaw.flow.units import canonical

Answer = Literal["allowed", "denied", "withdrawn"]
"""``withdrawn``: its run was cancelled or undone before anybody answered."""
ApprovalState = Literal["open", "one_of_two", "allowed", "used", "denied", "withdrawn", "expired"]
"""``one_of_two``: this person said yes, and another one must, too. ``used``: what it allowed was done, or may have
been; it allows nothing more."""
Channel = Trigger
"""The ways by which a request or an answer can come."""
SEPARATE: frozenset[Channel] = frozenset({"mail", "chat", "webhook", "mcp"})
"""Where strangers write: whoever can forge a request there can forge an answer."""


class SecondAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Another person's answer, signed with their device's key on their own machine."""

    approval: str
    digest: str
    """Of the action."""
    shown: str
    """Of the slip they were shown; its salt makes it fit this one ask alone."""
    answer: Literal["allowed", "denied"]
    at: str
    """RFC 3339, UTC, by their clock."""
    key: str
    """Their public key, hex."""
    signature: str = ""
    """Ed25519 over ``signed_bytes``, hex."""

    def signed_bytes(self) -> bytes:
        """Begins with words of its own: a signature made for anything else is none for this."""
        return b"meshclaw second answer 1\n" + canonical(msgspec.structs.replace(self, signature=""))

    def is_signed(self) -> bool:
        try:
            key, signature = bytes.fromhex(self.key), bytes.fromhex(self.signature)
        except ValueError:
            return False
        return signed_by(key, self.signed_bytes(), signature)


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    digest: str
    """Of the action."""
    run: str
    external_id: str
    verb: str
    rule: str
    asked: datetime
    expires: datetime
    state: ApprovalState = "open"
    shown: str = ""
    """Digest of the slip that was drawn when it was asked."""
    seen: str = ""
    """Digest of the slip that the person was shown when they answered."""
    channel: Channel = "terminal"
    """How the request came that led to the ask."""
    answered_by: Channel | None = None
    """How the answer came."""
    two: bool = False
    """Two persons must say yes."""
    second: SecondAnswer | None = None
    canary: bool = False
    """Planted to see whether it is read; it can never be done."""
