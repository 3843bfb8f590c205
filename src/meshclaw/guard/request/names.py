"""Which words in a text are names: by their capitals, and by being no words that every request holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshclaw.guard.request.lexicon import COMMON, DAYS, DETERMINERS, GIVEN_NAMES

_CAPITAL = re.compile(r"(?<![\w.@/'#])[^\W\d_][\w&-]*(?:'s)?")
# "the 1st", "10am", "5kg" stand in requests anyway.
_MEASURE = re.compile(
    r"\d+(?:st|nd|rd|th|am|pm|h|hrs?|m|min|s|k|kg|km|x|d|w)?|\d+[:.,/-]\d[\d:.,/-]*(?:am|pm|h)?"
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n]\s*|\d[.)]\s+|[-*\u2022]\s+)$")


def is_measure(word: str) -> bool:
    return _MEASURE.fullmatch(word) is not None


def is_distinct(phrase: str) -> bool:
    """Not all of its words are ones that requests hold anyway."""
    words = re.findall(r"[^\W_]+", phrase)
    return any(
        word not in COMMON and word.removesuffix("s") not in COMMON and not word.isdigit() and len(word) > 1
        for word in words
    ) or (any(c.isdigit() for c in phrase) and not is_measure(phrase) and len(words) > 1)


def runs(raw: str, *, first: bool) -> Iterator[str]:
    """Capitalised words side by side."""
    for line in re.split(r"(?<=[.!?;\n])\s+|\n", raw):
        if not _is_full_of_capitals(line):
            yield from _runs_of(line, first=first)


def _runs_of(sentence: str, *, first: bool) -> Iterator[str]:
    run: list[str] = []
    begun, end = False, -1
    for found in [*_CAPITAL.finditer(sentence), None]:
        word = re.sub(r"'s$", "", found[0]) if found else ""
        joined = found is not None and bool(run) and sentence[end : found.start()] == " "
        if run and not (joined and word[0].isupper()):
            yield from _name_of(run, begun=begun, first=first)
            run = []
        if found is not None and word[0].isupper() and word.casefold() not in DAYS:
            if not run:
                begun = (
                    _SENTENCE_START.search(sentence[max(0, found.start() - 12) : found.start()]) is not None
                )
            run.append(word.casefold())
            end = found.end() if not found[0].endswith("'s") else -1


def _name_of(run: list[str], *, begun: bool, first: bool) -> Iterator[str]:
    if begun and (run[0] in COMMON or (len(run) == 1 and not first)):
        run = run[1:]
    if run and not all(word in COMMON - GIVEN_NAMES for word in run):
        yield " ".join(run)


def _is_full_of_capitals(sentence: str) -> bool:
    """A title or a shout: there, words that bear no name have capitals too."""
    words = re.findall(r"[^\W\d_]+", sentence)
    return any(
        word[0].isupper() and word.casefold() in DETERMINERS | {"to", "of", "and", "in"} for word in words[1:]
    )
