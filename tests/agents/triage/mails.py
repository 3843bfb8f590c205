"""Messages for the triage tests, as the parser would give them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from meshclaw.flow.message import Address, Finding, FindingKind, Invitation, Link, Message

NOW = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)  # a Tuesday
ADA = "ada@example.com"
ME = frozenset({ADA})

KINDS: tuple[FindingKind, ...] = (
    "hidden-text", "look-alike-sender", "name-is-address", "reply-elsewhere", "link-mismatch",
    "authentication-failed", "risky-attachment", "malformed", "truncated",
)  # fmt: skip


def mail(sender: str = "robin@example.com", *, to: str = ADA, cc: str = "", **fields: Any) -> Message:
    digest = hashlib.sha256(repr((sender, to, cc, sorted(fields.items()))).encode()).hexdigest()
    return Message(
        **{
            "id": digest[:16],
            "digest": digest,
            "size": 100,
            "date": NOW,
            "sender": Address(name=sender.partition("@")[0].title(), address=sender),
            "to": tuple(Address(address=one) for one in to.split(",") if one),
            "cc": tuple(Address(address=one) for one in cc.split(",") if one),
            **fields,
        }
    )


_text = st.text(max_size=60)
_prose = st.lists(
    st.one_of(
        st.sampled_from(
            ["could you", "?", "by friday", "due 31 feb", "before 29 february", "http://x.test/?a=b", "\n> no?",
             "unsubscribe", "viagra", "bank account", "next of kin", "beneficiary", "i will get back", "\x1b[31m"]
        ),
        st.text(max_size=20),
    ),
    max_size=12,
).map(" ".join)  # fmt: skip
_address = st.builds(Address, name=_text, address=st.one_of(st.just(ADA), st.emails(), _text))


@st.composite
def messages(draw: st.DrawFn, **fixed: Any) -> Message:
    """Any message the types allow, with more of what the rules look for than chance would give."""
    digest = hashlib.sha256(draw(st.binary(min_size=8, max_size=8))).hexdigest()
    fields = {
        "id": digest[:16],
        "digest": digest,
        "size": 1,
        "date": draw(st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)))),
        "message_id": draw(_text),
        "in_reply_to": draw(_text),
        "sender": draw(_address),
        "reply_to": draw(_address),
        "to": draw(st.lists(_address, max_size=3).map(tuple)),
        "cc": draw(st.lists(_address, max_size=2).map(tuple)),
        "subject": draw(_prose),
        "list_id": draw(_text),
        "has_unsubscribe": draw(st.booleans()),
        "auto_submitted": draw(st.sampled_from(["", "no", "auto-replied", "\x1b"])),
        "precedence": draw(st.sampled_from(["", "bulk", "list", "junk"])),
        "hints": draw(st.lists(st.sampled_from(["list-post", "x-mailer", "sender"]), max_size=3).map(tuple)),
        "text": draw(_prose),
        "links": draw(
            st.lists(
                st.builds(Link, text=_text, href=st.one_of(_text, st.just("http://[x"))), max_size=3
            ).map(tuple)
        ),
        "invitation": draw(
            st.none()
            | st.builds(Invitation, method=st.sampled_from(["REQUEST", "CANCEL", "REPLY", ""]), summary=_text)
        ),
        "findings": draw(
            st.lists(st.builds(Finding, kind=st.sampled_from(KINDS), detail=_text), max_size=4).map(tuple)
        ),
        **fixed,
    }
    return Message(**fields)
