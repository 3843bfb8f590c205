"""One mail's plain facts, read from its headers, its text and what is known about its sender."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

import msgspec

from meshclaw.agents.triage.asks import Asks, asks
from meshclaw.agents.triage.lessons import Lessons
from meshclaw.flow.message import FindingKind, Message

Addressed = Literal["alone", "to", "cc", "list", "hidden"]
"""The person is the only recipient, one of To, in Cc, reached by a list, or not named."""

FORGED: frozenset[FindingKind] = frozenset({"authentication-failed", "look-alike-sender", "name-is-address"})
"""Findings that say the sender may not be who they claim, so nothing known about that sender counts."""

_LIST_HEADERS = frozenset({"list-post", "mailing-list", "x-mailing-list", "x-beenthere", "list-archive"})
_MASS_HEADERS = frozenset({"feedback-id", "x-bulkmail", "x-campaign-id", "x-campaignid", "x-list-host"})
_ROBOT_NAMES = re.compile(
    r"(?:^|[._+-])(?:no-?reply|do-?not-?reply|notifications?|notify|alerts?|robot|bot|cron|daemon|root|monitor"
    r"|monitoring|nagios|ci|builds?|jenkins|mailer-daemon|postmaster|status|receipts?|orders?|billing"
    r")(?:$|[._+-])"
)
_MASS_NAMES = re.compile(r"newsletter|marketing|promo|offers|digest|subscri|mailings|^news")
_MASS_WORDS = (
    "unsubscribe", "you are receiving this", "you received this email because", "you're receiving this",
    "you are subscribed", "to subscribe", "your subscription", "view in your browser",
    "manage your preferences",
    "be removed from", "newsletter abbestellen", "in this issue", "opt out", "opt-out",
)  # fmt: skip
_TROUBLE = re.compile(
    r"\b(?:fail(?:ed|ure|ing)?|critical|alert|alarm|outage|down|error|warning|problem|degraded|unreachable"
    r"|broken|expir(?:es|ed|ing)|security|incident|recover(?:ed|y)|undeliver\w*"
    r"|returned mail|delivery status)\b"
)
_RECEIPT = re.compile(r"\b(?:receipt|order confirm\w*|your order|payment (?:received|confirm\w*)|shipped)\b")


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    addressed: Addressed
    from_me: bool
    wrote_to: int
    """Mails the person sent to this sender; 0 where the sender may be forged."""
    received: int
    forged: bool
    automatic: str
    """What shows that no person wrote it, as a clause; empty for a person's mail."""
    mass: str
    """What shows that it went to many, as a clause; empty where nothing does."""
    discussion: bool
    """It came through a list on which people answer each other."""
    answers: bool
    """It replies to an earlier mail, by header."""
    trouble: str
    """The word of the subject that reports a fault."""
    receipt: str
    asks: Asks

    @property
    def personal(self) -> bool:
        """One person wrote it, and not to a list or a crowd."""
        return not (self.automatic or self.mass or self.discussion)


def read(message: Message, *, me: frozenset[str], lessons: Lessons, now: datetime) -> Signals:
    """``me`` holds the person's own addresses in lower case; empty means "not known"."""
    forged = any(finding.kind in FORGED for finding in message.findings)
    discussion = _discussion(message)
    subject = message.subject.lower()
    trouble, receipt = _TROUBLE.search(subject), _RECEIPT.search(subject)
    return Signals(
        addressed=_addressed(message, me, listed=discussion),
        from_me=message.sender.address in me,
        wrote_to=0 if forged else lessons.wrote_to(message.sender.address),
        received=0 if forged else lessons.received_from(message.sender.address),
        forged=forged,
        automatic=_automatic(message),
        mass="" if discussion else _mass(message),
        discussion=discussion,
        answers=bool(message.in_reply_to),
        trouble=trouble.group() if trouble else "",
        receipt=receipt.group() if receipt else "",
        asks=asks(message.subject, message.text, message.date or now),
    )


def _addressed(message: Message, me: frozenset[str], *, listed: bool) -> Addressed:
    to = {one.address for one in message.to}
    if to & me:
        return "alone" if len(to | {one.address for one in message.cc}) == 1 else "to"
    if any(one.address in me for one in message.cc):
        return "cc"
    if listed:
        return "list"
    # Without the person's addresses a single recipient is the best guess.
    return "alone" if not me and len(to) == 1 and not message.cc else "hidden"


def _discussion(message: Message) -> bool:
    """Lists carry posting headers; newsletters carry List-Unsubscribe alone."""
    if not _LIST_HEADERS.isdisjoint(message.hints):
        return True
    return bool(message.list_id) and bool(message.in_reply_to or not message.has_unsubscribe)


def _automatic(message: Message) -> str:
    if message.auto_submitted.lower() not in ("", "no"):
        return f"its header says Auto-Submitted: {message.auto_submitted[:30]}"
    if message.precedence.lower() in ("auto_reply", "junk"):
        return f"its header says Precedence: {message.precedence[:30]}"
    local = message.sender.address.partition("@")[0]
    if not local or _ROBOT_NAMES.search(local):
        return f"its sender {local!r} is no person" if local else "it names no sender"
    return ""


def _mass(message: Message) -> str:
    if message.has_unsubscribe:
        return "it carries an unsubscribe header"
    if message.precedence.lower() in ("bulk", "list"):
        return f"its header says Precedence: {message.precedence.lower()}"
    if not _MASS_HEADERS.isdisjoint(message.hints):
        return "it has the headers of a mass mailing"
    if _MASS_NAMES.search(message.sender.address):
        return f"{message.sender.address} sends to many"
    if len(message.links) < 2 or message.in_reply_to:
        return ""
    low = message.text.lower()
    found = next((word for word in _MASS_WORDS if word in low), "")
    return f"it says {found!r} and holds {len(message.links)} links" if found else ""
