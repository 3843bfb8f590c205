"""Whether two raw messages are the same mail, whatever line ends their stores gave them."""

from __future__ import annotations

import re

from meshclaw.flow.message import MAX_READ
from meshclaw.flow.units import sha256_hex

_LINE_END = re.compile(rb"\r?\n")


def is_same_mail(raw: bytes, digest: str) -> bool:
    """``raw`` has ``digest`` as it is, with LF or with CRLF line ends (IMAP stores CRLF, mbox LF)."""
    return digest in (sha256_hex(form[:MAX_READ]) for form in _forms(raw))


def _forms(raw: bytes) -> tuple[bytes, ...]:
    return raw, _LINE_END.sub(b"\n", raw), _LINE_END.sub(b"\r\n", raw)
