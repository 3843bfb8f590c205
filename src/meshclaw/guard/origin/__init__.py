"""Where a target's value comes from, and whether the person denoted it.

Positive authorisation: a value must be accounted for by the person's words, their own books, or a structured field
of exactly the record they spoke of. What is merely seen somewhere else, in whatever encoding, accounts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.guard import text
from meshclaw.guard.origin import choices, records, words
from meshclaw.guard.origin.search import Label, Search

__all__ = ["DENOTED", "FINDERS", "Label", "Origin", "Search", "nouns_of", "origin"]

DENOTED: frozenset[Label] = frozenset(
    ("person", "own", "directory", "run", "approved", "record", "selection", "named-page", "link")
)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    value: str
    label: Label
    like: str = ""
    """What it is easily taken for, where it is a look-alike."""

    @property
    def denoted(self) -> bool:
        return self.label in DENOTED


FINDERS: tuple[Callable[[Search], Label | None], ...] = (
    words.left_out, words.disguised, words.written, words.own, records.made, records.approved, records.in_named,
    records.loosely_named, records.sole_hit, words.known, records.described, records.called_by_name,
    records.on_named_page, choices.starts_with, choices.superlative, choices.one_of_all, choices.of_kind,
    records.linked,
)  # fmt: skip
"""In the order in which a person would explain it; the first that knows decides."""
_IN_RECORDS = frozenset((
    records.made, records.in_named, records.loosely_named, records.sole_hit, records.described,
    records.called_by_name, choices.superlative, choices.one_of_all, choices.of_kind,
))  # fmt: skip
"""Those that account only for what a structured field holds."""
_ELSEWHERE = tuple(finder for finder in FINDERS if finder not in _IN_RECORDS)


def origin(search: Search) -> Origin:
    finders = FINDERS if search.found else _ELSEWHERE
    label: Label | None = next((one for finder in finders if (one := finder(search)) is not None), None)
    like = words.looks_like(search) if label in (None, "look-alike") else ""
    if like:
        label = "look-alike"
    return Origin(path=search.path, value=search.value, label=label or _undenoted(search), like=like)


def _undenoted(search: Search) -> Label:
    """Why nothing accounts for it: what the question must name."""
    value = text.plain(search.value)
    if value and (writer := search.history.told_by(value)) is not None:
        return "member" if writer == "member" else "outside"
    if search.found:
        return "structured"
    return "pasted" if value and value in search.asked.everything else "nowhere"


def nouns_of(declaration: Declaration, argument: Argument) -> tuple[str, ...]:
    return tuple(dict.fromkeys((argument.type.partition(".")[0], *declaration.objects)))
