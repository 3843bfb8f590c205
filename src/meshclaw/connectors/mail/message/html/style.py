"""What a CSS declaration block and HTML's own attributes do to the visibility of text.

Only what hides text is understood. Whatever is not understood leaves text visible: text that is
wrongly kept is untrusted text like any other, and a person sees it in the same place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from meshclaw.connectors.mail.message.html.colours import FAINT, LINK, MAX_COLOUR, Colour, read_colour

MAX_DECLARATIONS = 2000
"""Characters of one declaration block that are read."""

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_LENGTH = re.compile(r"([+-]?\d{0,6}\.?\d{1,6})\s*([a-z%]*)")
_FONT_SHORTHAND = re.compile(r"(?:^|\s)([\d.]+)(px|pt|em|rem|%)?(?:\s*/\s*[\w.%]+)?\s")
_ZERO_CLIP = re.compile(
    r"rect\(\s*(?:0|1px)[\s,]|inset\(\s*(?:50|100)%|circle\(\s*0|polygon\(\s*0\s*(?:px)?\s*\)"
)
_SCALED_AWAY = re.compile(r"scale(?:3d|x|y)?\(\s*0(?:\.0\d*)?\s*[,)]")
_MOVED_AWAY = re.compile(r"translate(?:x|y|3d)?\([^)]*-\s*\d{4,}")
_URL = re.compile(r"url\(|gradient\(")
_OFF_SCREEN_PX = -500
_TINY_PX = 2
_BOXES = ("max-height", "height", "max-width", "width")
_RELATIVE = frozenset({"em", "%", "ex"})


class Style(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """The part of a style that matters here. None means "not said here"."""

    gone: str = ""
    """Means by which the element and all it holds is unseen, in words; empty while it is not."""
    shown: bool | None = None
    """visibility: a child may turn it back on."""
    tiny: bool | None = None
    """The font is too small to be read; a child with an absolute size may turn it back on."""
    colour: Colour | None = None
    faint: bool | None = None
    """The colour itself is see-through."""
    background: Colour | None = None
    pictured: bool = False
    """There is a background picture: nothing is known about what the text stands on."""


NOTHING = Style()
_LINKED = Style(colour=LINK, faint=False)
_NOT_SHOWN = Style(gone="elements that are not shown")


def read_style(block: str) -> Style:
    """Of ``style="..."`` or the inside of a rule's braces; ``!important`` wins, then the later one."""
    return _read(block[:MAX_DECLARATIONS])


@lru_cache(maxsize=2048)
def _read(block: str) -> Style:
    return _style(_declarations(block.lower()))


def _declarations(block: str) -> dict[str, str]:
    if "/*" in block:
        block = _COMMENT.sub(" ", block)
    if "\\" in block:
        block = block.replace("\\", "")  # an escape inside a keyword: d\isplay
    plain: dict[str, str] = {}
    forced: dict[str, str] = {}
    for declaration in block.split(";"):
        name, _, value = declaration.partition(":")
        value, bang, _ = value.partition("!")
        (forced if bang else plain)[name.strip()] = value.strip()
    return plain | forced


def _style(said: Mapping[str, str]) -> Style:
    fore = read_colour(said.get("-webkit-text-fill-color") or said.get("color", ""))
    back_value = f"{said.get('background-color', '')} {said.get('background', '')}".strip()
    back = _background(said.get("background-color", ""), said.get("background", ""))
    visibility = said.get("visibility", "")
    return Style(
        gone=_gone(said),
        shown=None if visibility in {"", "inherit"} else visibility not in {"hidden", "collapse"},
        tiny=_tiny(said),
        colour=fore[0] if fore else None,
        faint=fore[1] <= FAINT if fore else None,
        background=back,
        pictured=bool(_URL.search(back_value + said.get("background-image", ""))),
    )


def _background(colour: str, shorthand: str) -> Colour | None:
    for value in (colour, shorthand, *shorthand.split()):
        found = read_colour(value) if value else None
        if found and found[1] > 0.5:
            return found[0]
    return None


def _gone(said: Mapping[str, str]) -> str:
    if said.get("display") == "none":
        return "display none"
    opacity = _number(said.get("opacity", ""))
    if opacity is not None and opacity <= FAINT:
        return "opacity"
    if said.get("overflow", said.get("overflow-y", ""))[:4] in {"hidd", "clip"} and _zero_box(said):
        return "zero size"
    if _ZERO_CLIP.search(said.get("clip", "")[:200] + said.get("clip-path", "")[:200]):
        return "clipping"
    transform = said.get("transform", "")[:200]
    if _SCALED_AWAY.search(transform) or _MOVED_AWAY.search(transform):
        return "off-screen position"
    return "off-screen position" if _off_screen(said) else ""


def _number(value: str) -> float | None:
    found = _LENGTH.match(value)
    return None if found is None else float(found[1]) / (100 if found[2] == "%" else 1)


def _zero_box(said: Mapping[str, str]) -> bool:
    return any((px := _pixels(said.get(name, ""))) is not None and px <= 1 for name in _BOXES)


def _off_screen(said: Mapping[str, str]) -> bool:
    names = ["text-indent", "margin-left", "margin-top", "margin"]
    if said.get("position") in {"absolute", "fixed", "relative"}:
        names += ["left", "top", "right", "bottom"]
    return any((px := _pixels(said.get(name, ""))) is not None and px <= _OFF_SCREEN_PX for name in names)


def _pixels(value: str) -> float | None:
    """A length in CSS pixels; None for none, a percentage or a keyword."""
    found = _LENGTH.match(value)
    if found is None:
        return None
    size, unit = float(found[1]), found[2]
    if unit == "%":
        return 0.0 if size == 0 else None
    return size * {"em": 16, "rem": 16, "ex": 8, "pt": 4 / 3, "in": 96, "cm": 38, "vw": 10, "vh": 8}.get(
        unit, 1
    )


def _tiny(said: Mapping[str, str]) -> bool | None:
    size = said.get("font-size", "")
    if not size and (shorthand := _FONT_SHORTHAND.search(said.get("font", "") + " ")):
        size = shorthand[1] + (shorthand[2] or "")
    found = _LENGTH.match(size)
    if found is None:
        return False if size and not size.startswith(("inherit", "smaller", "larger")) else None
    if found[2] in _RELATIVE and float(found[1]) > 0.1:
        return None  # a share of nothing is nothing
    return (_pixels(size) or 0.0) < _TINY_PX


PAINTING = frozenset({"style", "hidden", "bgcolor", "background", "color", "text"})
"""Attributes that say how an element looks, whatever element it is."""
UNSHOWN = frozenset(
    [
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
    ]
)
"""Elements shown by no mail reader, or only where the outer element fails."""
PAINTED = UNSHOWN | {"a", "dialog"}
"""Elements that look their own way without any attribute."""


Said = tuple[str, str, str, bool, bool, str]
"""What an element says of its look: style, foreground, background, whether pictured, whether hidden, own way."""


def said_by(tag: str, attributes: Mapping[str, str | None]) -> Said:
    """The inline style and what HTML's presentational attributes say (HTML Standard §15.3), not yet read."""
    fore = attributes.get("text") if tag == "body" else attributes.get("color") if tag == "font" else None
    own = ""
    if tag == "a":
        own = "link" if "href" in attributes else ""
    elif tag in PAINTED:
        own = "" if tag == "dialog" and "open" in attributes else "unshown"
    return (
        (attributes.get("style") or "")[:MAX_DECLARATIONS],
        (fore or "")[:MAX_COLOUR],
        (attributes.get("bgcolor") or "")[:MAX_COLOUR],
        bool(attributes.get("background")),
        "hidden" in attributes,
        own,
    )


def element_style(said: Said, ruled: Style) -> Style:
    """What was said, over what the style sheet has ``ruled``."""
    inline, fore, back, pictured, hidden, own = said
    style = over(ruled, _attributed(fore, back, hidden=hidden, pictured=pictured))
    if own == "link" and style.colour is None:
        style = over(_LINKED, style)
    if inline:
        style = over(read_style(inline), style)
    return over(_NOT_SHOWN, style) if own == "unshown" else style


def _attributed(fore: str, back: str, *, hidden: bool, pictured: bool) -> Style:
    colour = read_colour(fore) if fore else None
    background = read_colour(back) if back else None
    return Style(
        gone="the hidden attribute" if hidden else "",
        colour=colour[0] if colour else None,
        background=background[0] if background else None,
        pictured=pictured,
    )


def over(later: Style, earlier: Style) -> Style:
    """``later`` laid over ``earlier``, both of one element."""
    if earlier is NOTHING:
        return later
    return Style(
        gone=later.gone or earlier.gone,
        shown=earlier.shown if later.shown is None else later.shown,
        tiny=earlier.tiny if later.tiny is None else later.tiny,
        colour=earlier.colour if later.colour is None else later.colour,
        faint=earlier.faint if later.faint is None else later.faint,
        background=earlier.background if later.background is None else later.background,
        pictured=later.pictured or earlier.pictured,
    )
