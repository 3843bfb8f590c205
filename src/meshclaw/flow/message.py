"""A mail as the rest of the system sees it: typed, bounded, with everything invisible removed.

Bytes from outside are read once, in ``connectors/mail/message``; nothing behind that point sees them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

AuthResult = Literal["pass", "fail", "none"]

FindingKind = Literal[
    "hidden-text",  # text a person would not see was removed
    "look-alike-sender",  # the sender's domain imitates another one
    "name-is-address",  # the display name shows an address that is not the sender's
    "reply-elsewhere",  # Reply-To leads to another organisation than From
    "link-mismatch",  # a link's text names another host than its target
    "authentication-failed",  # the receiving server or a local check said fail
    "risky-attachment",  # an attachment whose type can run code
    "malformed",  # headers or MIME structure broke the rules and were repaired
    "truncated",  # a bound (size, parts, depth, text) was reached; the rest was not read
]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    address: str = ""
    """Lower case, IDN domain in its Unicode form; empty where none could be read."""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    href: str


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """Named and sized from the MIME headers and the encoded length; the content is never decoded."""

    name: str
    media_type: str
    size: int


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar part (RFC 5546)."""

    method: str
    summary: str
    starts: str = ""
    """ISO 8601 as given by the organiser; empty where there is none."""


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    dkim: AuthResult = "none"
    spf: AuthResult = "none"
    dmarc: AuthResult = "none"
    by: Literal["server", "local", "nobody"] = "nobody"
    """Who checked: the person's own receiving server, this machine, or nobody."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    kind: FindingKind
    detail: str
    """One clause for a person, without any of the removed text."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """First 16 hex digits of ``digest``: what a person types."""
    digest: str
    """SHA-256 of the first ``MAX_READ`` raw bytes (for mbox without the lines a mail reader rewrites)."""
    size: int
    """Bytes that were read."""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    date: datetime | None = None
    """From the Date header, aware, UTC; None where missing or unreadable."""
    sender: Address = Address()
    reply_to: Address = Address()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    list_id: str = ""
    unsubscribe_url: str = ""
    """An RFC 8058 one-click https target; empty unless both headers are present."""
    unsubscribe_covered: bool = False
    """A passing DKIM signature covers both List-Unsubscribe headers."""
    has_unsubscribe: bool = False
    """Any List-Unsubscribe header at all."""
    auto_submitted: str = ""
    precedence: str = ""
    hints: tuple[str, ...] = ()
    """Lower-case names of further header fields that were present (for evidence), at most 64."""
    traits: tuple[str, ...] = ()
    """How it was made and sent, ``kind:value``, none of it content; at most 32 (``connectors/mail/message/traits``)."""
    text: str = ""
    """Visible text, white space folded per line, at most ``MAX_TEXT`` characters."""
    links: tuple[Link, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    invitation: Invitation | None = None
    authentication: Authentication = Authentication()
    findings: tuple[Finding, ...] = ()


MAX_READ = 2 * 1024 * 1024
"""Bytes of a raw message that are ever read; the rest is attachments nobody opens."""
MAX_TEXT = 20_000
