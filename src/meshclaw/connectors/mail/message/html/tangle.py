"""Is this HTML safe to give to a parser that must follow the HTML Standard to the letter?

The standard's tree construction is quadratic in three places, and 200 KB are enough to make that
minutes or gigabytes: scope checks over deeply nested elements, formatting elements that are opened
again in every block (§13.2.4.3), and duplicate checks over the attributes of one tag. A linear look
at the tags is enough to refuse such a part; honest mail stays far below every bound.
"""

from __future__ import annotations

import re
from collections import Counter

MAX_HTML = 200_000
"""Characters of one HTML part that are read; mail readers on the web clip at half of that."""
MAX_OPEN = 1500
"""Elements that may stay open at one time. About 50 ms of scope checks."""
MAX_REOPENED = 400_000
"""Distinct formatting tags times tags: the elements that reopening them could create."""
MAX_ATTRIBUTES = 8000
MAX_STRAY = 40
"""Tags with another ``<`` inside: rare in mail, and what would lead the look below astray."""
_HARMLESS = 6000
"""Characters in which not even the worst case costs anything."""

# What holds raw text or is ignored by the tree: tags in there are none.
_RAW = re.compile(
    r"<!--.*?(?:--!?>|\Z)|<(script|style|title|textarea|xmp|noframes|noembed|iframe)(?=[\s/>]).*?(?:</\1(?=[\s/>])|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
# b, big, code, em, font, i, s, small, strike, strong, tt and u, and names that no tag has.
_FORMATTING = re.compile(r"<[bcefistu](?:ig|ode|m|ont|mall|trike|trong|t)?(?=[\s/>])[^>]*", re.IGNORECASE)
_STRAY = re.compile(r"<[a-zA-Z/!?][^<>]*(?=<)")
_SEPARATOR = re.compile(r"[\s/\"']")
# Never open (void), or closed by the next of their kind or by their table or list.
_UNCOUNTED = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "p",
        "td",
        "th",
        "tr",
        "tbody",
        "thead",
        "tfoot",
        "option",
        "optgroup",
        "dt",
        "dd",
        "li",
        "a",
        "nobr",
        "html",
        "head",
        "body",
    ]
)


def tangled(source: str) -> bool:
    """Whether ``source`` (at most ``MAX_HTML`` characters) is refused."""
    if len(source) <= _HARMLESS:
        return False
    runs = source.split("<")
    tags = len(runs) - 1
    formats = len(set(_FORMATTING.findall(source))) if 3 * tags * tags > MAX_REOPENED else 0
    if 3 * formats * tags > MAX_REOPENED or _too_many_attributes(runs):
        return True
    return tags > MAX_OPEN and _too_deep(_RAW.sub("", source))


def _too_deep(plain: str) -> bool:
    return _most_open(_TAG.findall(plain)) > MAX_OPEN or sum(1 for _ in _STRAY.finditer(plain)) > MAX_STRAY


def _most_open(tags: list[tuple[str, str]]) -> int:
    opened: Counter[str] = Counter()
    now = most = 0
    for closing, tag in tags:
        name = tag.lower()
        if name in _UNCOUNTED:
            continue
        if not closing:
            opened[name] += 1
            now += 1
            most = max(most, now)
        elif opened[name]:
            opened[name] -= 1
            now -= 1
    return most


def _too_many_attributes(runs: list[str]) -> bool:
    if max(map(len, runs)) <= MAX_ATTRIBUTES:
        return False
    return any(len(_SEPARATOR.findall(run)) > MAX_ATTRIBUTES for run in runs if len(run) > MAX_ATTRIBUTES)
