"""Whether raw bytes are the mail somebody looks for, whatever line ends their store gave them."""

from __future__ import annotations

import re

from meshclaw.flow.message import MAX_READ
from meshclaw.flow.units import sha256_hex

_LINE_END = re.compile(rb"\r?\n")
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:\s*<?([^>\s]+)", re.IGNORECASE | re.MULTILINE)


def is_wanted(raw: bytes, *, message_id: str, digest: str) -> bool:
    """Both must hold where both are given. Without a digest the Message-ID alone decides.

    A copy that travelled has other bytes (Received), so it is looked for without a digest.
    """
    if message_id and _message_id(raw) != message_id.strip("<> ").encode():
        return False
    return _has_digest(raw, digest) if digest else bool(message_id)


def _message_id(raw: bytes) -> bytes:
    blank = re.search(rb"\n\r?\n", raw)
    found = _MESSAGE_ID.search(raw, 0, blank.start() if blank else len(raw))
    return found[1] if found else b""


def _has_digest(raw: bytes, digest: str) -> bool:
    """As it is, with LF or with CRLF line ends: IMAP stores CRLF, mbox LF."""
    forms = (raw, _LINE_END.sub(b"\n", raw), _LINE_END.sub(b"\r\n", raw))
    return any(sha256_hex(form[:MAX_READ]) == digest for form in forms)
