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

from meshclaw.connectors.mail.message.characters import fold, one_line, strip
from meshclaw.connectors.mail.message.html.colours import BLACK, LINK, WHITE, Colour, alike
from meshclaw.connectors.mail.message.html.sheet import sheet_styles
from meshclaw.connectors.mail.message.html.style import NOTHING, Style, attribute_style, over, read_style
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
# Shown by no mail reader, or only where the outer element fails.
_UNSHOWN = frozenset(
    (
        "noembed",
        "noframes",
        "iframe",
        "object",
        "applet",
        "audio",
        "video",
        "canvas",
        "datalist",
        "svg",
        "math",
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


class _Look(msgspec.Struct, frozen=True):
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


@lru_cache(maxsize=4096)
def _under(look: _Look, style: Style) -> tuple[_Look, str]:
    """How text looks inside an element of that style, and by which means it is unseen there."""
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
    """Collects the text of one document; ``enter`` and ``leave`` follow the walk."""

    def __init__(self, sheet: dict[int, Style]) -> None:
        self.sheet = sheet
        self.pieces: list[str] = []
        self.length = 0
        self.hidden: Counter[str] = Counter()
        self.links: list[Link] = []
        self.opened: list[tuple[int, str]] = []
        self.look = _Look()
        self.means = ""

    def enter(self, node: LexborNode, tag: str) -> None:
        if tag in _BREAKS:
            self.pieces.append(_BREAK)
        elif tag in _CELLS:
            self.pieces.append(" ")
        attributes = node.attributes
        if attributes or self.sheet or tag in _UNSHOWN:
            self._paint(node, tag, attributes)
        if tag == "a":
            self.opened.append((len(self.pieces), attributes.get("href") or ""))

    def _paint(self, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> None:
        style = self.sheet.get(node.mem_id, NOTHING)
        if not _PAINTING.isdisjoint(attributes):
            style = over(style, attribute_style(tag, attributes))
        if tag == "a" and "href" in attributes and style.colour is None:
            style = over(style, _LINKED)
        if inline := attributes.get("style"):
            style = over(read_style(inline), style)
        if tag in _UNSHOWN or (tag == "dialog" and "open" not in attributes):
            style = over(_NOT_SHOWN, style)
        if style is not NOTHING:
            self.look, self.means = _under(self.look, style)

    def leave(self, tag: str) -> None:
        """Called after the look of the outer element was put back."""
        if tag == "a":
            self._link(*self.opened.pop())
        elif tag in _BREAKS:
            self.pieces.append(_BREAK)

    def _link(self, start: int, href: str) -> None:
        if self.means or not href or len(self.links) >= MAX_LINKS:
            return
        href = one_line(_SPACE_IN_URL.sub("", href[:MAX_HREF]), MAX_HREF)
        if _TARGET.match(href):
            text = one_line("".join(self.pieces[start:]), MAX_LINK_TEXT)
            self.links.append(Link(text=text, href=href))

    def text(self, content: str) -> None:
        if self.means:
            self._unseen(self.means, content)
        elif self.length <= MAX_TEXT * 4:
            self.pieces.append(content)
            self.length += len(content)

    def comment(self, content: str) -> None:
        words = _MARKUP.sub(" ", content[:5000])
        if _PROSE.search(words):
            self._unseen("comments", words)

    def _unseen(self, means: str, content: str) -> None:
        if count := len("".join(strip(content).text.split())):
            self.hidden[means] += count


_BREAK = "\x1f"
"""Where a line ends on the screen: a line feed in HTML is only a space."""
_PAINTING = frozenset({"hidden", "bgcolor", "background", "color", "text"})
_LINKED = Style(colour=LINK, faint=False)
_NOT_SHOWN = Style(gone="elements that are not shown")


def read_html(source: str) -> Visible:
    """What a person sees of ``source``; never fails, and takes time in proportion to its length."""
    cut = "HTML beyond its limit" if len(source) > MAX_HTML else ""
    source = source[:MAX_HTML]
    if tangled(source):
        return Visible(cut="HTML that is too tangled to be read")
    document = LexborHTMLParser(source)
    reader = _Reader(sheet_styles(document, source))
    whole = _walk(document.root, reader)
    text, hidden = _finish("".join(reader.pieces).replace("\n", " ").replace(_BREAK, "\n"))
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
    text, hidden = _finish(source.replace("\r\n", "\n").replace("\r", "\n"))
    found = _PLAIN_LINK.finditer(text) if "://" in text else ()
    links = dict.fromkeys(match[0].rstrip(".,;:!?)]") for match in found)
    return Visible(
        text=text,
        links=tuple(Link(text=href, href=href) for href in list(links)[:MAX_LINKS]),
        hidden={"invisible characters": hidden} if hidden else {},
    )


def _finish(text: str) -> tuple[str, int]:
    seen, removed = strip(text)
    return fold(seen), removed


def _walk(root: LexborNode | None, reader: _Reader) -> bool:
    """Every node once, in order, without recursion; False where ``MAX_NODES`` was reached."""
    left = MAX_NODES
    node = root
    while node is not None and node.prev is not None:  # comments before <html>
        node = node.prev
    path: list[tuple[LexborNode, str, _Look, str]] = []
    while node is not None and left:
        left -= 1
        tag = node.tag or ""
        if tag == "-text":
            reader.text(node.text_content or "")
        elif tag == "-comment":
            reader.comment(node.comment_content or "")
        elif tag in _SILENT:
            if tag in _BREAKS:
                reader.pieces.append(_BREAK)
        elif (child := node.first_child) is not None:
            path.append((node, tag, reader.look, reader.means))
            reader.enter(node, tag)
            node = child
            continue
        elif tag in _CELLS or tag in _BREAKS:
            reader.pieces.append(_BREAK if tag in _BREAKS else " ")
        while (following := node.next) is None and path:
            node, tag, reader.look, reader.means = path.pop()
            reader.leave(tag)
        node = following
    return node is None
