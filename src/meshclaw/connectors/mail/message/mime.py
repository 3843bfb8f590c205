"""A bounded walk over a MIME tree (RFC 2045, 2046): slices of the raw bytes, nothing decoded yet.

Bounds hold for the whole message, so no nesting or repetition makes the work grow: at most
``MAX_PARTS`` parts, ``MAX_DEPTH`` levels and ``MAX_LINES`` lines that look like a boundary.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from meshclaw.connectors.mail.message.characters import decode
from meshclaw.connectors.mail.message.headers import Headers, decode_words, read_headers

MAX_PARTS = 200
MAX_DEPTH = 10
MAX_LINES = 20_000
MAX_PARAMETERS = 4096
"""Characters of a Content-Type or Content-Disposition value that are read."""

_TYPE = re.compile(r"[\w!#$&^.+-]{1,60}/[\w!#$&^.+-]{1,80}(?=\s*(?:;|$|\())")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*+"?|[^;]*)')
_ESCAPED = re.compile(r"\\(.)")
_LINE_END = re.compile(rb"[ \t]*+(?:\r?\n|\r|\Z)")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


class Part:
    """One node: a multipart with ``children``, or a leaf whose encoded content is ``data[start:end]``."""

    __slots__ = (
        "children",
        "data",
        "disposition",
        "encoding",
        "end",
        "headers",
        "media_type",
        "parameters",
        "start",
    )

    def __init__(self, data: bytes, headers: Headers, end: int, default: str) -> None:
        self.data = data
        self.headers = headers
        self.start = min(headers.body_at, end)
        self.end = end
        value = headers.first("content-type")
        self.media_type = _media_type(value, default)
        self.parameters = parameters(value) if ";" in value else {}
        self.encoding = headers.first("content-transfer-encoding").lower()[:40]
        self.disposition = headers.first("content-disposition")
        self.children: list[Part] = []

    @property
    def is_multipart(self) -> bool:
        return bool(self.children)

    @property
    def is_attached(self) -> bool:
        return self.disposition[:10].lower() == "attachment"

    @property
    def name(self) -> str:
        """The sender's file name as given, decoded but not made safe; see ``attachments.safe_name``."""
        named = parameters(self.disposition).get("filename", "") if ";" in self.disposition else ""
        return decode_words(named or self.parameters.get("name", ""))

    @property
    def size(self) -> int:
        """Bytes after decoding, worked out from the encoded length."""
        length = self.end - self.start
        if self.encoding != "base64":
            return length
        breaks = self.data.count(b"\n", self.start, self.end) + self.data.count(b"\r", self.start, self.end)
        padding = self.data.count(b"=", max(self.start, self.end - 6), self.end)
        return max((length - breaks) * 3 // 4 - padding, 0)

    def content(self, limit: int) -> bytes:
        """The decoded bytes of at most ``limit`` encoded ones; rubbish in them is skipped."""
        encoded = self.data[self.start : min(self.end, self.start + limit)]
        if self.encoding == "base64":
            return _base64(encoded)
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(encoded)
        return encoded

    def leaves(self) -> Iterator[Part]:
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


class Tree:
    """The whole message and what its walk met."""

    __slots__ = ("cut", "left_lines", "left_parts", "malformed", "root")

    def __init__(self, data: bytes, headers: Headers) -> None:
        self.left_parts = MAX_PARTS
        self.left_lines = MAX_LINES
        self.cut = headers.cut
        self.malformed = headers.malformed
        self.root = Part(data, headers, len(data), "text/plain")
        self._grow(self.root, 0)

    def _grow(self, part: Part, depth: int) -> None:
        if not part.media_type.startswith("multipart/"):
            return None
        boundary = part.parameters.get("boundary", "").encode("utf-8", "replace")
        if not boundary or len(boundary) > 250:  # RFC 2046 allows 70; some senders do not count
            return self._as_text(part)
        if depth >= MAX_DEPTH:
            self.cut = True
            return None
        default = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
        for start, end in self._sections(part, b"--" + boundary):
            child = Part(part.data, self._headers(part.data, start, end), end, default)
            part.children.append(child)
            self._grow(child, depth + 1)
        return None if part.children else self._as_text(part)

    def _as_text(self, part: Part) -> None:
        self.malformed = True
        part.media_type = "text/plain"

    def _headers(self, data: bytes, start: int, end: int) -> Headers:
        headers = read_headers(data, start, end)
        self.malformed = self.malformed or headers.malformed
        self.cut = self.cut or headers.cut
        return headers

    def _sections(self, part: Part, delimiter: bytes) -> Iterator[tuple[int, int]]:
        """Offsets of the sections between delimiter lines; a missing last line is malformed, not fatal."""
        opened: int | None = None
        for before, after, last in self._delimiters(part, delimiter):
            if opened is not None:
                if not self._may_add():
                    return
                yield opened, max(before, opened)
            opened = after
            if last:
                return
        if opened is not None:
            self.malformed = True
            if self._may_add():
                yield opened, part.end

    def _may_add(self) -> bool:
        self.left_parts -= 1
        self.cut = self.cut or self.left_parts < 0
        return self.left_parts >= 0

    def _delimiters(self, part: Part, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
        """For each delimiter line: where the content before it ends, where the next starts, if it closes."""
        data, at = part.data, part.start
        while (found := data.find(delimiter, at, part.end)) >= 0:
            self.left_lines -= 1
            if self.left_lines < 0:
                self.cut = True
                return
            at = found + len(delimiter)
            if found > part.start and data[found - 1] not in b"\r\n":
                continue
            last = data.startswith(b"--", at)
            line_end = _LINE_END.match(data, at + 2 if last else at, part.end)
            if line_end is not None:
                at = line_end.end()
                yield _line_start(data, found, part.start), at, last


def _line_start(data: bytes, at: int, floor: int) -> int:
    """The line break before a delimiter belongs to the delimiter (RFC 2046 §5.1.1)."""
    if at > floor and data[at - 1 : at] == b"\n":
        at -= 1
    return at - 1 if at > floor and data[at - 1 : at] == b"\r" else at


def walk(data: bytes, headers: Headers) -> Tree:
    """The MIME tree of a message whose top headers were read."""
    return Tree(data, headers)


def _media_type(value: str, default: str) -> str:
    if not value:
        return default
    found = _TYPE.match(value)
    return found[0].lower() if found else "text/plain"  # RFC 2045 §5.2


def parameters(value: str) -> dict[str, str]:
    """Parameters by lower-case name, RFC 2231 pieces and charsets put together; the first of a name wins."""
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for key, quoted in _PARAMETER.findall(value[:MAX_PARAMETERS]):
        text = _ESCAPED.sub(r"\1", quoted.strip('"')) if quoted[:1] == '"' else quoted.strip()
        name, star, rest = key.lower().partition("*")
        if not star:
            plain.setdefault(name, text)
        elif len(pieces.setdefault(name, [])) < 100:
            number = rest.rstrip("*")
            order = int(number) if number.isdecimal() and len(number) < 4 else 0
            pieces[name].append((order, key.endswith("*"), text))
    for name, parts in pieces.items():
        plain[name] = _extended(sorted(parts, key=lambda p: p[0]))
    return plain


def _extended(parts: list[tuple[int, bool, str]]) -> str:
    charset, first = "", parts[0]
    if first[1] and first[2].count("'") >= 2:
        charset, _, text = first[2].split("'", 2)
        parts = [(0, True, text), *parts[1:]]
    return decode(b"".join(unquote_to_bytes(t) if coded else t.encode() for _, coded, t in parts), charset)


def _base64(encoded: bytes) -> bytes:
    try:
        return binascii.a2b_base64(encoded)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", encoded)
        letters = letters[: len(letters) // 4 * 4]
        return binascii.a2b_base64(letters)
