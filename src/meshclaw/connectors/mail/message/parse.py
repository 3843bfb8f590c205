"""Hostile bytes to a ``Message``: the one place where mail from outside is read.

Any byte string gives a message; what was broken, cut or hidden is said in its findings. Every step
works on bounded input in linear time, so 50,000 parts cost no more than 200.
"""

from __future__ import annotations

import re

from meshclaw.connectors.mail.message.addresses import read_addresses
from meshclaw.connectors.mail.message.attachments import attachment, risks
from meshclaw.connectors.mail.message.authentication import Lookup, authenticate, authentication_findings
from meshclaw.connectors.mail.message.body import Body, read_body
from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.mail.message.deception import link_findings, sender_findings
from meshclaw.connectors.mail.message.headers import Headers, read_date, read_headers, readable
from meshclaw.connectors.mail.message.invitation import read_invitation
from meshclaw.connectors.mail.message.mime import Tree, walk
from meshclaw.connectors.mail.message.one_click import read_unsubscribe
from meshclaw.connectors.mail.message.traits import read_traits
from meshclaw.flow.message import MAX_READ, Address, Attachment, Finding, Message
from meshclaw.flow.units import sha256_hex

__all__ = ["Lookup", "parse"]

MAX_HINTS = 64
MAX_REFERENCES = 100

_NOBODY = Address()
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,500}>")
# RFC 5322 §3.6: at most one of each. A second one means that two readers may see two different mails.
_ONCE = (
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "content-type",
    "mime-version",
)
_READ_TEXT = """
from to cc reply-to subject date message-id in-reply-to references list-id list-unsubscribe list-
unsubscribe-post auto-submitted precedence authentication-results dkim-signature content-type content-
transfer-encoding content-disposition mime-version received
"""
_READ = frozenset(_READ_TEXT.split())


def parse(
    raw: bytes,
    *,
    trusted_host: str = "",
    lookup: Lookup | None = None,
    known_domains: frozenset[str] = frozenset(),
) -> Message:
    """Read one mail. Never raises for anything in ``raw``, and never touches the network.

    ``trusted_host`` is the receiving server's authserv-id; empty believes nobody's results.
    ``lookup`` lends TXT records for local DKIM and DMARC checks; None checks nothing.
    ``known_domains`` are the domains that a look-alike sender would imitate.
    """
    read = raw[:MAX_READ]
    digest = sha256_hex(read)
    data = _with_line_feeds(read)
    headers = read_headers(data)
    tree = walk(data, headers)
    body = read_body(tree)
    sender, reply_to = _first(headers, "from"), _first(headers, "reply-to")
    date = read_date(headers.first("date"))
    checked = authenticate(
        headers,
        raw if len(raw) <= MAX_READ else b"",
        sender_domain=sender.domain if headers.count("from") == 1 else "",
        trusted_host=trusted_host,
        lookup=lookup,
    )
    unsubscribe = read_unsubscribe(headers, checked.passed)
    calendar = next((part for part in tree.root.leaves() if part.media_type == "text/calendar"), None)
    invitation = read_invitation(calendar) if calendar else None
    attached = _attached(tree, body)
    return Message(
        id=digest[:16],
        digest=digest,
        size=len(read),
        message_id=_id(headers.first("message-id")),
        in_reply_to=_id(headers.first("in-reply-to")),
        references=_references(headers),
        date=date,
        sender=sender,
        reply_to=reply_to,
        to=_addresses(headers, "to"),
        cc=_addresses(headers, "cc"),
        subject=readable(headers.first("subject")),
        list_id=readable(headers.first("list-id"), 300),
        unsubscribe_url=unsubscribe.url,
        unsubscribe_covered=unsubscribe.covered,
        has_unsubscribe=unsubscribe.offered,
        auto_submitted=one_line(headers.first("auto-submitted").lower(), 100),
        precedence=one_line(headers.first("precedence").lower(), 100),
        hints=tuple(name[:100] for name in headers.names if name not in _READ)[:MAX_HINTS],
        traits=read_traits(headers, tree.root, sender, date),
        text=body.text,
        links=body.links,
        attachments=attached,
        invitation=invitation,
        authentication=checked.authentication,
        findings=(
            *_hidden(body),
            *sender_findings(sender, reply_to, known_domains),
            *link_findings(body.links),
            *authentication_findings(checked.authentication, sender.domain),
            *risks(attached),
            *_malformed(headers, tree, unread_calendar=calendar is not None and invitation is None),
            *_truncated(tree, body, beyond=len(raw) > MAX_READ),
        ),
    )


def _with_line_feeds(data: bytes) -> bytes:
    """A mail whose lines end in bare CR throughout is read as such; a CR in any other mail ends no line."""
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _addresses(headers: Headers, field: str) -> tuple[Address, ...]:
    value = headers.first(field)
    return read_addresses(value) if value else ()


def _first(headers: Headers, field: str) -> Address:
    found = _addresses(headers, field)
    return next((address for address in found if address.address), found[0] if found else _NOBODY)


def _id(value: str) -> str:
    found = _MESSAGE_ID.search(value)
    return one_line(found[0] if found else value, 500)


def _references(headers: Headers) -> tuple[str, ...]:
    found = _MESSAGE_ID.findall(headers.first("references")) if headers.count("references") else ()
    return tuple(one_line(reference, 500) for reference in found[-MAX_REFERENCES:])


def _attached(tree: Tree, body: Body) -> tuple[Attachment, ...]:
    taken = {id(part) for part in body.read}
    leaves = (part for part in tree.root.leaves() if id(part) not in taken)
    return tuple(attachment(part) for part in leaves if part.end > part.start or part.name)


def _hidden(body: Body) -> list[Finding]:
    if not body.hidden:
        return []
    means = ", ".join(f"{means} ({count})" for means, count in sorted(body.hidden.items()))
    detail = f"{sum(body.hidden.values())} characters a person would not see were removed: {means}"
    return [Finding(kind="hidden-text", detail=detail)]


def _malformed(headers: Headers, tree: Tree, *, unread_calendar: bool) -> list[Finding]:
    wrong: list[str] = []
    if tree.malformed:
        wrong.append("the headers or the MIME structure break the rules")
    if doubled := [field for field in _ONCE if headers.count(field) > 1]:
        wrong.append(f"{', '.join(doubled)} is there more than once; the first was read")
    if unread_calendar:
        wrong.append("the calendar part could not be read")
    return [Finding(kind="malformed", detail="; ".join(wrong))] if wrong else []


def _truncated(tree: Tree, body: Body, *, beyond: bool) -> list[Finding]:
    left = ["bytes beyond the size limit"] * beyond + ["headers or parts beyond their limit"] * tree.cut
    left += body.cut
    return [Finding(kind="truncated", detail=f"not read: {', '.join(left)}")] if left else []
