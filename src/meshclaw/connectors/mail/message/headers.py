"""The header block of a mail or a part (RFC 5322 §2.2), read once and bounded.

Values stay raw until somebody asks: most of the header fields of a mail are never looked at.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime, timedelta, timezone

from meshclaw.connectors.mail.message.characters import decode, one_line

MAX_BLOCK = 256 * 1024
MAX_FIELDS = 1000
MAX_VALUE = 16 * 1024

# A field is a name, a colon and a value that goes on over lines starting with white space. Possessive
# quantifiers: a broken block is refused in one pass instead of being tried every other way.
_BLOCK = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z))*+")
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*+)")
_BLANK = re.compile(rb"\r?\n")
_UNIX_FROM = re.compile(rb">?From [^\n]*\n")
_BARE_CR = re.compile(r"\r(?!\n)")
_NEXT_BLANK = re.compile(rb"\n\r?\n")

# RFC 2047 §2, with the language suffix of RFC 2231 §5.
_WORD = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")

_DATE = re.compile(
    r"(?:[a-z]+\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})\s+"
    r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*([+-]\d{4}|[a-z]{1,5})?(?![\w+-])",
    re.IGNORECASE,
)
_MONTHS = {
    m: i
    for i, m in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
# RFC 5322 §4.3; every other name says nothing and counts as UTC.
_ZONES = {"edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8}


class Headers:
    """Header fields by lower-case name, in order, and what was wrong with the block."""

    __slots__ = ("_fields", "body_at", "cut", "malformed")

    def __init__(self, fields: dict[str, list[str]], *, body_at: int, malformed: bool, cut: bool) -> None:
        self._fields = fields
        self.body_at = body_at
        """Offset of the first byte after the block and its blank line."""
        self.malformed = malformed
        self.cut = cut

    @property
    def names(self) -> list[str]:
        return list(self._fields)

    def all(self, name: str) -> list[str]:
        """Every value of the field, unfolded to one line, topmost first."""
        return [" ".join(v[:MAX_VALUE].split()) for v in self._fields.get(name, ())]

    def first(self, name: str) -> str:
        values = self._fields.get(name)
        return " ".join(values[0][:MAX_VALUE].split()) if values else ""

    def count(self, name: str) -> int:
        return len(self._fields.get(name, ()))


def read_headers(data: bytes, start: int = 0, end: int | None = None) -> Headers:
    """The header block at ``data[start:end]``.

    A line that is neither a field nor a continuation ends the block, as in most mail readers: what
    follows is shown as text, never silently taken as a header.
    """
    end = len(data) if end is None else end
    stop = min(end, start + MAX_BLOCK)
    if unix_from := _UNIX_FROM.match(data, start, stop):
        start = unix_from.end()
    block = _BLOCK.match(data, start, stop)
    at = block.end() if block else start
    cut = stop < end and at >= stop
    if cut:
        separator = _NEXT_BLANK.search(data, stop, end)
        body_at = separator.end() if separator else end
        blank = True
    else:
        blank_line = _BLANK.match(data, at, end)
        body_at = blank_line.end() if blank_line else at
        blank = blank_line is not None or at == end
    text = _text(data[start:at])
    found = _FIELD.findall(text)
    malformed = not blank or "\0" in text or (_BARE_CR.search(text) is not None)
    return Headers(_by_name(found), body_at=body_at, malformed=malformed, cut=cut or len(found) > MAX_FIELDS)


def _text(block: bytes) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError:
        return block.decode("latin-1")


def _by_name(found: list[tuple[str, str]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in found[:MAX_FIELDS]:
        fields.setdefault(name.lower(), []).append(value)
    return fields


def _word_bytes(encoding: str, payload: str) -> bytes:
    if encoding in "bB":
        letters = _NOT_BASE64.sub("", payload)
        letters = letters[:-1] if len(letters) % 4 == 1 else letters
        return binascii.a2b_base64(letters + "=" * (-len(letters) % 4))
    return binascii.a2b_qp(payload.encode("utf-8", "replace"), header=True)


def decode_words(value: str) -> str:
    """RFC 2047 encoded words decoded, white space between two of them dropped (§6.2), nothing else touched.

    Neighbours in one charset are joined as bytes first: many senders cut a character in two.
    """
    if "=?" not in value:
        return value
    out: list[str] = []
    pending, charset, at = b"", "", 0
    for word in _WORD.finditer(value):
        gap = value[at : word.start()]
        joined = bool(charset) and not gap.strip()
        if not joined or word[1].lower() != charset:
            out.append(decode(pending, charset))
            pending, charset = b"", word[1].lower()
        if not joined:
            out.append(gap)
        pending += _word_bytes(word[2], word[3])
        at = word.end()
    return "".join((*out, decode(pending, charset), value[at:]))


def readable(value: str, limit: int = 1000) -> str:
    """A header value for a person: decoded, one line, nothing invisible."""
    return one_line(decode_words(value), limit)


def read_date(value: str) -> datetime | None:
    """An RFC 5322 §3.3 date, obsolete forms included, as aware UTC; None where it names no real moment."""
    found = _DATE.search(value[:200])
    if found is None or found[2].lower() not in _MONTHS:
        return None
    year = int(found[3])
    if len(found[3]) < 4:  # RFC 5322 §4.3: 00-49 are 2000-2049, everything else counts from 1900
        year += 2000 if len(found[3]) == 2 and year < 50 else 1900
    try:
        local = datetime(
            year,
            _MONTHS[found[2].lower()],
            int(found[1]),
            int(found[4]),
            int(found[5]),
            min(int(found[6] or 0), 59),  # a leap second
            tzinfo=_zone(found[7] or ""),
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(name: str) -> timezone:
    if name[:1] in {"+", "-"}:
        minutes = int(name[1:3]) * 60 + int(name[3:5])
        return timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes))
    return timezone(timedelta(hours=_ZONES.get(name.lower(), 0)))
