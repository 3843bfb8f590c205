"""Which parts of a MIME tree are the text a person reads, and what they say."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from meshclaw.connectors.mail.message.characters import decode
from meshclaw.connectors.mail.message.html.visible import Visible, read_html, read_plain
from meshclaw.connectors.mail.message.mime import Part, Tree
from meshclaw.flow.message import MAX_TEXT, Link

MAX_ENCODED = 400 * 1024
"""Encoded bytes of text parts that are read, of all of them together."""
MAX_BODIES = 8
"""Text parts that are read; a person scrolls no further."""
_ENOUGH_WORDS = 25
"""A plain alternative shorter than this is a note that the mail is HTML."""
_SHARED = 0.3
"""Below this share of words in common, two alternatives are two different texts."""

_WORD = re.compile(r"[^\W\d_]{3,}")
# The same words for ASCII alone, in a fifth of the time: all but letters becomes space.
_ASCII_LETTERS = bytes(b if chr(b).isalpha() else 0x20 for b in range(256))
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{2,40})", re.IGNORECASE)


class Body(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    links: tuple[Link, ...]
    hidden: dict[str, int]
    cut: tuple[str, ...]
    read: tuple[Part, ...]
    """The parts the text came from, and those an alternative stands for; they are no attachments."""


class _Choice(msgspec.Struct, frozen=True):
    shown: tuple[Part, ...] = ()
    passed_over: tuple[Part, ...] = ()


def read_body(tree: Tree) -> Body:
    choice = _choose(tree.root)
    seen = _read_all(choice.shown[:MAX_BODIES])
    hidden: Counter[str] = Counter()
    for one in seen:
        hidden.update(one.hidden)
    cut = [one.cut for one in seen if one.cut]
    seen, unseen = _with_alternative(
        seen, [p for p in choice.passed_over if p.media_type == "text/plain"][:1]
    )
    if unseen:
        hidden["a plain-text alternative that says something else"] += unseen
    if len(choice.shown) > MAX_BODIES:
        cut.append("further text parts")
    text = "\n\n".join(one.text for one in seen if one.text)
    if len(text) > MAX_TEXT:
        cut.append("text beyond its limit")
    return Body(
        text=text[:MAX_TEXT],
        links=tuple(link for one in seen for link in one.links)[:200],
        hidden=dict(hidden),
        cut=tuple(dict.fromkeys(cut)),
        read=choice.shown + choice.passed_over,
    )


def _choose(part: Part) -> _Choice:
    """What a mail reader would show: of alternatives the HTML one, else the last (RFC 2046 §5.1.4)."""
    if not part.is_multipart:
        return _Choice((part,)) if _is_text(part) else _Choice()
    inner = [_choose(child) for child in part.children]
    passed = tuple(p for choice in inner for p in choice.passed_over)
    if part.media_type != "multipart/alternative":
        return _Choice(tuple(p for choice in inner for p in choice.shown), passed)
    offers = [choice.shown for choice in inner if choice.shown]
    html = [offer for offer in offers if any(p.media_type == "text/html" for p in offer)]
    best = (html or offers or [()])[-1]
    return _Choice(best, passed + tuple(p for offer in offers if offer is not best for p in offer))


def _is_text(part: Part) -> bool:
    return part.media_type in {"text/plain", "text/html", "text/enriched"} and not part.is_attached


def _read_all(parts: tuple[Part, ...]) -> list[Visible]:
    left = MAX_ENCODED
    seen: list[Visible] = []
    for part in parts:
        seen.append(_read(part, left))
        left = max(left - (part.end - part.start), 0)
    return seen


def _read(part: Part, limit: int) -> Visible:
    data = part.content(limit)
    cut = "text beyond its limit" if part.end - part.start > limit else ""
    charset = part.parameters.get("charset", "")
    if part.media_type == "text/html":
        meta = None if charset else _META_CHARSET.search(data, 0, 2048)
        seen = read_html(decode(data, meta[1].decode() if meta else charset))
    else:
        seen = read_plain(decode(data, charset))
    return msgspec.structs.replace(seen, cut=cut or seen.cut) if cut else seen


def _with_alternative(shown: list[Visible], plain: list[Part]) -> tuple[list[Visible], int]:
    """Read the plain alternative only where the HTML shows no text at all.

    A person sees the HTML. A plain part that says something else would be text for the agent alone,
    so it is left out and counted as hidden: the same trick as white on white.
    """
    if not plain:
        return shown, 0
    text = "".join(one.text for one in shown)
    other = _read(plain[0], MAX_ENCODED)
    if not text.strip():
        return [other], 0
    words = _words(other.text.lower())
    if len(words) < _ENOUGH_WORDS or len(words & _words(text.lower())) >= _SHARED * len(words):
        return shown, 0
    return shown, len("".join(other.text.split()))


def _words(text: str) -> set[str]:
    if text.isascii():
        return {
            word for word in set(text.encode().translate(_ASCII_LETTERS).decode().split()) if len(word) > 2
        }
    return set(_WORD.findall(text))
