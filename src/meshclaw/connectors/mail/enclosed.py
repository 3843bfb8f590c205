"""A mail as the person sees it who is asked about it: what is really in it, not what a mail program would show.

Nothing is rendered and nothing removed: hidden text in a draft would reach its reader, so its sender must see it.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message as Parsed

from meshclaw.flow.action import Value
from meshclaw.flow.declaration import Role
from meshclaw.flow.slip import Enclosed

_OWN_LINE: dict[str, Role] = {
    "from": "text", "reply-to": "destination", "to": "destination", "cc": "destination", "bcc": "destination",
    "subject": "text",
}  # fmt: skip
_DULL = frozenset({"mime-version", "content-type", "content-transfer-encoding", "date", "message-id"})
"""Headers without which no mail is; any other one is shown."""
MOST_PARTS = 100
_NOTHING: Value = ""


def whole(raw: bytes) -> dict[str, Enclosed]:
    """Every header that is not dull, each text part as it is written, and what is attached."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    found = {name: Enclosed(role=role, value=_header(mail, name)) for name, role in _OWN_LINE.items()}
    other = [
        f"{name}: {_decoded(str(value))}" for name, value in mail.items()
        if name.lower() not in _OWN_LINE and name.lower() not in _DULL
    ]  # fmt: skip
    found["other-headers"] = Enclosed(role="text", value=other or _NOTHING)
    texts, attached = _parts(mail)
    found |= {name: Enclosed(role="text", value=text) for name, text in texts.items()}
    found["attached"] = Enclosed(role="text", value=list(attached) or _NOTHING)
    return {name: one for name, one in found.items() if one.value != _NOTHING}


def head(raw: bytes) -> dict[str, Enclosed]:
    """Which mail it is: enough to know it again."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    found = {name: Enclosed(role="text", value=_header(mail, name)) for name in ("from", "subject")}
    return {name: one for name, one in found.items() if one.value != _NOTHING}


def _header(mail: Parsed, name: str) -> Value:
    """One line per header of that name, and per address of it."""
    values = [_decoded(str(value)) for value in mail.get_all(name, [])]
    if _OWN_LINE[name] == "destination":
        values = [one.strip() for value in values for one in value.split(",") if one.strip()]
    if len(values) == 1 and _OWN_LINE[name] == "text":
        return values[0]
    return list(values) or _NOTHING


def _decoded(value: str) -> str:
    """RFC 2047 words decoded; what cannot be stays as it is written."""
    unfolded = " ".join(value.split())
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, ValueError):
        return unfolded


def _parts(mail: Parsed) -> tuple[dict[str, str], list[str]]:
    texts: dict[str, str] = {}
    attached: list[str] = []
    leaves = [part for part in mail.walk() if not part.is_multipart()]
    for number, part in enumerate(leaves[:MOST_PARTS], 1):
        kind, name = part.get_content_type(), part.get_filename()
        data = part.get_payload(decode=True)
        body = data if isinstance(data, bytes) else b""
        if part.get_content_maintype() == "text" and name is None and not _is_attachment(part):
            texts["text" if kind == "text/plain" and "text" not in texts else f"{kind}-{number}"] = _text(
                part, body
            )
        else:
            attached.append(f"{_decoded(name or '(no name)')} ({kind}, {len(body)} bytes)")
    if len(leaves) > MOST_PARTS:
        attached.append(f"and {len(leaves) - MOST_PARTS} more parts")
    return texts, attached


def _is_attachment(part: Parsed) -> bool:
    return str(part.get("content-disposition", "")).strip().lower().startswith("attachment")


def _text(part: Parsed, body: bytes) -> str:
    try:
        return body.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
