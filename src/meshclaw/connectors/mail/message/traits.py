"""How a mail was made and sent, as a handful of short facts: what the junk model counts beside its words.

The facts are those that SpamAssassin's stock rules ask for (FORGED_MUA_OUTLOOK, INVALID_DATE_TZ,
UNDISC_RECIPS, RCVD_HELO_IP_MISMATCH, RDNS_NONE and their like), written anew; none is a verdict.

Left out, because they tell how mails were collected rather than who sent them: the mbox line, hops inside the
receiving machine (fetchmail, 127.0.0.1), names and protocols of hops, their number, Delivered-To,
Delivery-Date, X-Spam-*, X-Status and X-Keywords, the spelling and the order of header names, the zone's
offset and every date as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from meshclaw.connectors.mail.message.domains import registered_domain
from meshclaw.connectors.mail.message.headers import Headers, read_date
from meshclaw.connectors.mail.message.mime import Part
from meshclaw.flow.message import Address

MAX_TRAITS = 32
MAX_HOPS = 12
"""Received lines that are looked at; forged ones can be added without end."""
_HOP_CAP = 600
_SHAPE_DEPTH = 3

_HOP = re.compile(r"from (\[?[^\s()]{1,120})\s?(\([^)]{0,200}\))?")
_HOST = re.compile(r"[a-z0-9][\w.-]{0,100}\.[a-z]{2,24}(?![\w-])")
_DYNAMIC = re.compile(r"dsl|dial|ppp|dhcp|pool|cable|dyn|client|cust|modem|\d[-.]\d+[-.]\d")
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)\b")


def read_traits(headers: Headers, root: Part, sender: Address, date: datetime | None) -> tuple[str, ...]:
    """At most ``MAX_TRAITS`` facts ``kind:value`` of at most 80 characters, in order, none twice."""
    organisation = registered_domain(sender.domain) if sender.domain else ""
    hops = headers.all("received")
    found = [
        _program(headers),
        f"to:{_to(headers.first('to'))}",
        f"return:{_return(headers, sender, organisation)}",
        f"zone:{_zone(headers.first('date'))}",
        f"mime:{_structure(root)[:70]}",
        f"charset:{_charset(headers.first('content-type').lower())}",
    ]
    if late := _late(hops, date):
        found.append(f"late:{late}")
    for hop in hops[-MAX_HOPS:]:
        found.extend(_hop(hop[:_HOP_CAP].lower(), organisation))
    return tuple(dict.fromkeys(found))[:MAX_TRAITS]


def _program(headers: Headers) -> str:
    """Outlook writes all three headers; a program that pretends to be Outlook forgets some."""
    program = headers.first("x-mailer") or headers.first("user-agent")
    outlook = "outlook" in program[:100].lower()
    return f"outlook:{outlook}{headers.count('x-mimeole') > 0}{headers.count('x-msmail-priority') > 0}"


def _to(value: str) -> str:
    if not value:
        return "missing"
    if "undisclosed" in value[:200].lower():
        return "undisclosed"
    if "@" not in value:
        return "nobody"
    before, angle, _ = value.partition("<")
    return "bare" if not angle else "named" if before.strip() else "angle"


def _return(headers: Headers, sender: Address, organisation: str) -> str:
    path = headers.first("return-path").strip("<> ").lower()
    if not path:
        return "none"
    if path == sender.address:
        return "same"
    return "organisation" if organisation and path.endswith(organisation) else "other"


def _zone(date: str) -> str:
    found = _ZONE.search(date[:200])
    if found is None:
        return "none"
    if int(found[2]) > 14 or found[3] not in {"00", "30", "45"}:
        return "impossible"
    return "unknown" if found[0] == "-0000" else "plain"


def _late(hops: list[str], date: datetime | None) -> str:
    """How long after its own date the first relay took the mail; empty where one of them is not given."""
    stamps = (read_date(hop.rpartition(";")[2]) for hop in hops[-3:])
    first = next((stamp for stamp in stamps if stamp is not None), None)
    if first is None or date is None:
        return ""
    hours = (first - date).total_seconds() / 3600
    if hours < -1:
        return "before"
    return "days" if hours > 96 else "day" if hours > 12 else "hours" if hours > 2 else "no"


def _structure(part: Part, depth: int = 0) -> str:
    main, _, sub = part.media_type.partition("/")
    if part.children and depth < _SHAPE_DEPTH:
        return f"{sub[:20]}({','.join(_structure(child, depth + 1) for child in part.children[:5])})"
    return (sub if main == "text" else part.media_type)[:40]


def _charset(content_type: str) -> str:
    if not content_type:
        return "no-type"
    if "charset=" not in content_type:
        return "none"
    return "quoted" if 'charset="' in content_type else "bare"


def _hop(line: str, organisation: str) -> Iterator[str]:
    """One relay's account of who called: the name the caller gave (HELO) and the one its address has."""
    found = _HOP.match(line)
    if found is None:
        return
    said, seen = found[1], found[2] or ""
    if "fetchmail" in line or "127.0.0.1" in seen or said in {"localhost", "[127.0.0.1]"}:
        return
    if said.strip("[]").replace(".", "").isdigit():
        yield "helo:number"
    elif organisation and said.endswith(organisation):
        yield "helo:organisation"
    else:
        yield "helo:dotted" if "." in said else "helo:dotless"
    if "unknown" in seen or said == "unknown":
        yield "hop:unknown"
    if "may be forged" in seen:
        yield "hop:forged"
    if name := _HOST.search(seen):
        if _DYNAMIC.search(name[0]):
            yield "hop:dynamic"
        ours = organisation and name[0].endswith(organisation)  # the list of suffixes is asked only then
        if ours and registered_domain(name[0]) == organisation:
            yield "hop:organisation"
