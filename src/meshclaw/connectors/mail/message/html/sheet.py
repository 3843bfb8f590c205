"""The mail's own style sheets, as far as they hide text."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from meshclaw.connectors.mail.message.html.style import NOTHING, Style, over, read_style

MAX_SHEET = 64 * 1024
MAX_RULES = 300
MAX_SELECTORS = 2000
MAX_SELECTOR = 120
"""Characters before a rule's braces, and of one selector, that are read."""
MAX_MATCHED = 20_000_000
"""Selectors times characters of HTML: what matching may cost, about 100 ms."""

_SHEET = re.compile(r"<style(?=[\s>])", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
# A block inside an at-rule is one level deeper; deeper ones are not read.
_AT_RULE = re.compile(r"@([\w-]+)([^{};@]{0,300})(?:;|\{((?:[^{}]*+\{[^{}]*+\})*+[^{}]*+)\})")
# One or two simple compounds: deeper selectors cost a walk per level and hide nothing more often.
_SELECTOR = re.compile(
    r"[a-z*]?[\w-]{0,40}(?:[.#][\w-]{1,80}){0,3}(?:\s*[\s>]\s*[a-z*]?[\w-]{0,40}(?:[.#][\w-]{1,80}){0,3})?$",
    re.IGNORECASE,
)


def sheet_styles(document: LexborHTMLParser, source: str) -> dict[int, Style]:
    """For each element (by ``mem_id``) that a rule says something about: that style."""
    styles: dict[int, Style] = {}
    if not _SHEET.search(source):
        return styles
    sheet = "\n".join(node.text() for node in document.css("style")[:20])
    left = MAX_MATCHED
    for selector, style in _rules(sheet[:MAX_SHEET]):
        left -= len(source)
        if left < 0:
            break
        for node in _select(document, selector):
            styles[node.mem_id] = over(style, styles.get(node.mem_id, NOTHING))
    return styles


def _select(document: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return document.css(selector)
    except (SelectolaxError, ValueError):
        return []


def _rules(sheet: str) -> list[tuple[str, Style]]:
    flat = _AT_RULE.sub(_screen_only, _COMMENT.sub(" ", sheet))
    found: list[tuple[str, Style]] = []
    for rule in flat.split("}")[:MAX_RULES]:
        selectors, _, block = rule.partition("{")
        style = read_style(block)
        if style != NOTHING:
            found += [(s, style) for s in _selectors(selectors)]
    return found


def _selectors(text: str) -> list[str]:
    each = (part.strip() for part in text[:MAX_SELECTORS].split(","))
    return [s for s in each if s and len(s) <= MAX_SELECTOR and _SELECTOR.match(s)]


def _screen_only(rule: re.Match[str]) -> str:
    """Keep what holds on every screen; narrow screens, print and dark mode are another view of the mail."""
    condition = rule[2].strip().lower()
    applies = rule[1].lower() == "media" and "(" not in condition and condition in {"", "all", "screen"}
    return rule[3] or "" if applies else " "
