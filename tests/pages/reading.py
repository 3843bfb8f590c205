"""Reading a page as a browser, a screen reader and an attacker do."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

RISKY = set("script img iframe link object embed base form a use foreignobject image".split())
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Its tags with their attributes and its words; ``unclosed`` is empty where every tag is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.unclosed: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.unclosed and self.unclosed[-1] == tag:
            self.unclosed.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def plots(html: str) -> dict[str, ET.Element]:
    """By id; each must be well-formed XML on its own."""
    found = [
        ET.fromstring(svg)
        for svg in re.findall(r'^<svg class="plot".*?</svg>$', html, re.DOTALL | re.MULTILINE)
    ]
    return {(svg.get("aria-labelledby") or "").split("-title ")[0]: svg for svg in found}


def fills(svg: ET.Element) -> list[ET.Element]:
    """The rectangles that stand for amounts."""
    return [rect for rect in svg.iter("rect") if (rect.get("class") or "").startswith("tone")]


def part(attribute: str | None) -> float:
    """``12.5%`` as 0.125."""
    assert attribute is not None
    assert attribute.endswith("%")
    return float(attribute[:-1]) / 100


def is_harmless(html: str) -> bool:
    """Nothing that runs, nothing that is fetched."""
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    names = {name for _, attributes in page.tags for name in attributes}
    away = re.findall(r"url\((?!#p\d\))", html)
    return not (
        tags & RISKY
        or {name for name in names if name.startswith("on")}
        or names & {"src", "href", "xlink:href", "action", "style", "srcdoc"}
        or away
    )  # fmt: skip
