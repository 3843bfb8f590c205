"""A picture of a page: well-formed by construction, readable aloud, sized by the page and not by itself.

Across, everything is in percent of the plot; down, in pixels: a plot gets narrower on a phone, its letters do not.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec

from meshclaw.agents.triage.plain import plain

MOST_SAID = 500
"""Characters of a title or a label; the rest is in the table beside the plot."""


class Caption(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture is called, and what it shows, for whoever cannot see it."""

    id: str
    """Unlike any other on its page."""
    title: str
    told: str


def canvas(of: Caption, height: float) -> ET.Element:
    """An empty plot ``height`` pixels high."""
    root = ET.Element("svg", {
        "class": "plot", "role": "img", "aria-labelledby": f"{of.id}-title {of.id}-desc", "height": number(height),
    })  # fmt: skip
    ET.SubElement(root, "title", {"id": f"{of.id}-title"}).text = plain(of.title, MOST_SAID)
    ET.SubElement(root, "desc", {"id": f"{of.id}-desc"}).text = plain(of.told, MOST_SAID)
    return root


def group(parent: ET.Element, title: str = "", **attributes: str) -> ET.Element:
    """Marks that belong together; ``title`` is shown while a pointer is over them."""
    found = ET.SubElement(parent, "g", _named(attributes))
    if title:
        ET.SubElement(found, "title").text = "\n".join(plain(line, MOST_SAID) for line in title.split("\n"))
    return found


def mark(parent: ET.Element, tag: str, **attributes: str | float) -> ET.Element:
    """A shape; ``class_`` is its class, and ``stroke_width`` is ``stroke-width``."""
    return ET.SubElement(parent, tag, _named(attributes))


def text(parent: ET.Element, said: str, **attributes: str | float) -> None:
    ET.SubElement(parent, "text", _named(attributes)).text = plain(said, MOST_SAID)


def told(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode")


def number(value: float) -> str:
    """At most four decimals, and no exponent, which not every reader of an attribute knows."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def percent(part: float) -> str:
    """Of the width of the plot."""
    return f"{number(100 * part)}%"


def _named(attributes: dict[str, str] | dict[str, str | float]) -> dict[str, str]:
    return {
        key.rstrip("_").replace("_", "-") if key != "viewBox" else key: value
        if isinstance(value, str)
        else number(value)
        for key, value in attributes.items()
    }
