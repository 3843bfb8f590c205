"""HTML to the text a person sees in it, with its links, and a count of what they do not see.

Nothing behind this point meets hidden text. The walk goes over the parsed tree once; styles are
inherited on the way down the way a browser would, as far as hiding text goes.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from meshclaw.connectors.mail.message.characters import one_line, strip, tidy
from meshclaw.connectors.mail.message.html.colours import BLACK, WHITE, Colour, alike
from meshclaw.connectors.mail.message.html.sheet import sheet_styles
from meshclaw.connectors.mail.message.html.style import (
    NOTHING,
    PAINTED,
    PAINTING,
    Said,
    Style,
    element_style,
    said_by,
)
from meshclaw.connectors.mail.message.html.tangle import MAX_HTML, tangled
from meshclaw.flow.message import MAX_TEXT, Link

MAX_NODES = 40_000
MAX_LINKS = 200
MAX_HREF = 2000
MAX_LINK_TEXT = 300

_BREAKS_TEXT = """
p div br tr table li ul ol dl dt dd h1 h2 h3 h4 h5 h6 hr blockquote pre center section article header
footer aside main nav form fieldset address figure option title caption legend summary details
"""
_BREAKS = frozenset(_BREAKS_TEXT.split())
_CELLS = frozenset({"td", "th"})
# Never shown and not meant to be: no person expects them, and honest mail is full of them.
_SILENT = frozenset(
    (
        "script",
        "style",
        "head",
        "title",
        "template",
        "base",
        "meta",
        "link",
        "col",
        "input",
        "img",
        "br",
        "hr",
    )
)
_TARGET = re.compile(r"(?:https?|mailto|tel|ftp):", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>|\[(?:end)?if[^\[\]]{0,200}\]>?|<!\[endif\]|&\w+;", re.IGNORECASE)
# A comment that talks: five words in a row. Shorter ones are designers' marks, in half of all newsletters.
_PROSE = re.compile(r"\b(?:[^\W\d_]++[\s,.:;'-]++){4}[^\W\d_]{2}|[^\x00-\x7f]{12}")
_PLAIN_LINK = re.compile(r"https?://[^\s<>\"'\\^`{|}]{1,2000}")
_SPACE_IN_URL = re.compile(r"[\x00-\x20\x7f]")


class Visible(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    links: tuple[Link, ...] = ()
    hidden: dict[str, int] = {}
    """Characters that were taken out, by means."""
    cut: str = ""
    """What was not read, as one clause; empty where all was."""


class _Look(msgspec.Struct, frozen=True, cache_hash=True):
    """How text at this place would look: inherited on the way down."""

    gone: str = ""
    shown: bool = True
    tiny: bool = False
    colour: Colour = BLACK
    faint: bool = False
    background: Colour | None = WHITE

    @property
    def unseen(self) -> str:
        """The means by which text here is hidden, empty where it is visible."""
        if self.gone:
            return self.gone
        if not self.shown:
            return "visibility hidden"
        if self.tiny:
            return "a font too small to read"
        same = self.background is not None and alike(self.colour, self.background)
        return "the background's colour" if self.faint or same else ""


@lru_cache(maxsize=2048)
def _inside(look: _Look, said: Said, ruled: Style) -> tuple[_Look, str]:
    """How text looks inside an element that says so, and by which means it is unseen there."""
    style = element_style(said, ruled)
    inner = _Look(
        look.gone or style.gone,
        look.shown if style.shown is None else style.shown,
        look.tiny if style.tiny is None else style.tiny,
        style.colour or look.colour,
        look.faint if style.faint is None else style.faint,
        None if style.pictured else style.background or look.background,
    )
    return inner, inner.unseen


class _Reader:
    """Collects the text of one document while it is walked over."""

    def __init__(self, sheet: dict[int, Style]) -> None:
        self.sheet = sheet
        self.pieces: list[str] = []
        self.hidden: Counter[str] = Counter()
        self.links: list[Link] = []

    def walk(self, root: LexborNode | None) -> bool:
        """Every node once, in order, without recursion; False where ``MAX_NODES`` was reached."""
        left, room = MAX_NODES, MAX_TEXT * 4
        node, pieces = _first(root), self.pieces
        look, means = _Look(), ""
        path: list[tuple[LexborNode, str, _Look, str, int]] = []
        while node is not None and left:
            left -= 1
            tag = node.tag or ""
            if tag == "-text":
                content = node.text_content or ""
                if means:
                    self._unseen(means, content)
                elif room >= 0:
                    pieces.append(content)
                    room -= len(content)
            elif tag in _SILENT or (child := node.first_child) is None:
                self._childless(node, tag)
            else:
                if edge := _EDGES.get(tag):
                    pieces.append(edge)
                path.append((node, tag, look, means, len(pieces)))
                look, means = self._enter(node, tag, look, means)
                node = child
                continue
            while (following := node.next) is None and path:
                node, tag, look, means, start = path.pop()
                if tag == "a":
                    self._link(start, node.attributes.get("href") or "", means)
                elif tag in _BREAKS:
                    pieces.append(_BREAK)
            node = following
        return node is None

    def _childless(self, node: LexborNode, tag: str) -> None:
        if tag == "-comment":
            self._comment(node.comment_content or "")
        elif edge := _EDGES.get(tag):
            self.pieces.append(edge)

    def _enter(self, node: LexborNode, tag: str, look: _Look, means: str) -> tuple[_Look, str]:
        attributes = node.attributes
        ruled = self.sheet.get(node.mem_id, NOTHING) if self.sheet else NOTHING
        if tag in PAINTED or ruled is not NOTHING or not PAINTING.isdisjoint(attributes):
            return _inside(look, said_by(tag, attributes), ruled)
        return look, means

    def _link(self, start: int, href: str, means: str) -> None:
        """``start``: where the pieces of its text begin. ``means`` by which text around it is unseen."""
        if means or not href or len(self.links) >= MAX_LINKS:
            return
        href = href[:MAX_HREF]
        if not href.isascii() or not href.isprintable() or " " in href:
            href = one_line(_SPACE_IN_URL.sub("", href), MAX_HREF)
        if _TARGET.match(href):
            text = one_line("".join(self.pieces[start:]), MAX_LINK_TEXT)
            self.links.append(Link(text=text, href=href))

    def _comment(self, content: str) -> None:
        words = _MARKUP.sub(" ", content[:5000])
        if _PROSE.search(words):
            self._unseen("comments", words)

    def _unseen(self, means: str, content: str) -> None:
        if count := len("".join(strip(content).text.split())):
            self.hidden[means] += count


def _first(root: LexborNode | None) -> LexborNode | None:
    """Comments may stand before <html>."""
    while root is not None and root.prev is not None:
        root = root.prev
    return root


_BREAK = "\x1f"
"""Where a line ends on the screen: a line feed in HTML is only a space."""
_EDGES = dict.fromkeys(_BREAKS, _BREAK) | dict.fromkeys(_CELLS, " ")


def read_html(source: str) -> Visible:
    """What a person sees of ``source``; never fails, and takes time in proportion to its length."""
    cut = "HTML beyond its limit" if len(source) > MAX_HTML else ""
    source = source[:MAX_HTML]
    if tangled(source):
        return Visible(cut="HTML that is too tangled to be read")
    document = LexborHTMLParser(source)
    reader = _Reader(sheet_styles(document, source))
    whole = reader.walk(document.root)
    text, hidden = tidy("".join(reader.pieces).replace("\n", " ").replace(_BREAK, "\n"))
    if hidden:
        reader.hidden["invisible characters"] += hidden
    return Visible(
        text=text,
        links=tuple(reader.links),
        hidden=dict(reader.hidden),
        cut=cut or ("" if whole else "HTML beyond its limit"),
    )


def read_plain(source: str) -> Visible:
    """The same for text/plain: only characters can hide there."""
    text, hidden = tidy(source.replace("\r\n", "\n").replace("\r", "\n"))
    found = _PLAIN_LINK.finditer(text) if "://" in text else ()
    links = dict.fromkeys(match[0].rstrip(".,;:!?)]") for match in found)
    return Visible(
        text=text,
        links=tuple(Link(text=href, href=href) for href in list(links)[:MAX_LINKS]),
        hidden={"invisible characters": hidden} if hidden else {},
    )
