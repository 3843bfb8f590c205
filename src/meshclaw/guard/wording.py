"""A person's request, taken apart once: sentences, verbs that ask for something, names, selections.

No grammar, and no model: short lists of words and where they stand. What is read too narrowly becomes a question
or a denial that the person lifts by saying it plainly; what is read too widely is caught by the other layers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from meshclaw.guard import text
from meshclaw.guard.lexicon import ASKS_ABOUT, BEFORE_A_DEED, BUT_DO, NOT, THIRD_PERSON, TWOFOLD

_TOKEN = re.compile(r"[\w@#&+./:%-]*\w|[,;:.!?]")
# "... at example.com.They sent": the host ended before.
_MISSING_SPACE = re.compile(r"(?<=[a-z])\.(?=[A-Z][a-z]*\s)")
_SENTENCE = re.compile(r"(?<=[.!?\n;])\s+|\n")
_QUOTED = re.compile(r"\"([^\"]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|`([^`]+)`")
_CAPITAL = re.compile(r"(?<![\w.@/'])[^\W\d_a-z]\w+(?:'s)?")

_STARTING = re.compile(
    r"\b(?:start(?:s|ing)?|begin(?:s|ning)?) with (?:the (?:letters?|words?) )?['\"]?([\w-]+)", re.IGNORECASE
)
_ANSWERS = 10_000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

P = ParamSpec("P")
R = TypeVar("R")


def _once(answer: Callable[Concatenate[Wording, P], R]) -> Callable[Concatenate[Wording, P], R]:
    """The words do not change, so neither does any answer about them."""

    @wraps(answer)
    def known(self: Wording, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (answer.__name__, *args)
        if key not in self.answers:
            if len(self.answers) > _ANSWERS:
                self.answers.clear()
            self.answers[key] = answer(self, *args, **kwargs)
        return cast("R", self.answers[key])

    return known


class Wording:
    """``raw`` as the person wrote it."""

    def __init__(self, raw: str) -> None:
        raw = _MISSING_SPACE.sub(". ", raw)
        self.raw = raw
        self.answers: dict[tuple[object, ...], object] = {}
        self.plain = text.plain(raw)
        self.sentences = [_TOKEN.findall(text.plain(one)) for one in _SENTENCE.split(raw) if one.strip()]
        self.addresses = frozenset(text.addresses(raw))
        self.links = frozenset(text.links(raw))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(token for sentence in self.sentences for token in sentence)

    @cached_property
    def quoted(self) -> frozenset[str]:
        """What stands in quotation marks, in the form in which names are compared."""
        return frozenset(
            text.name(next(filter(None, found))) for found in _QUOTED.findall(self.raw.translate(text.QUOTES))
        )

    @cached_property
    def proper(self) -> frozenset[str]:
        """Words written like names: with a capital where no sentence begins, or at one's beginning."""
        return frozenset(
            text.plain(re.sub(r"'s$", "", found))
            for found in _CAPITAL.findall(self.raw.translate(text.QUOTES))
        )

    @cached_property
    def starts(self) -> frozenset[str]:
        """What a name was said to begin with."""
        return frozenset(text.plain(found) for found in _STARTING.findall(self.plain))

    @_once
    def says(self, phrase: str) -> bool:
        """The whole phrase stands in the request."""
        return text.holds(text.plain(phrase), self.plain)

    @_once
    def names(self, thing: str, nouns: tuple[str, ...] = ()) -> bool:
        """The person spoke of ``thing`` as of a name: quoted, marked, with a capital, or beside what it is.

        A channel that somebody called "the" is not named by a request that happens to hold the word.
        """
        wanted = text.plain(thing)
        if text.name(thing) in self.quoted or wanted in self.quoted:
            return True
        if not text.holds(wanted, self.plain) and not text.holds(text.name(thing), self.plain):
            return False
        if wanted in self.proper or any(mark + wanted in self.words for mark in "#@"):
            return True
        if (
            " " in text.name(thing)
            or any(char in wanted for char in ".@-_")
            or any(c.isdigit() for c in wanted)
        ):
            return True  # nobody writes these by accident
        return any(
            text.holds(f"{noun} {wanted}", self.plain) or text.holds(f"{wanted} {noun}", self.plain)
            for noun in nouns
        )

    @_once
    def says_day(self, when: str) -> bool:
        """The day of an ISO 8601 time stands in the request, in digits or as "May 26th"."""
        found = re.match(r"(\d{4})-(\d\d)-(\d\d)", when)
        if not found:
            return False
        month, day = _MONTHS[int(found[2]) - 1 : int(found[2])], int(found[3])
        spoken = [
            rf"{name}[a-z]* {day}(?:st|nd|rd|th)?\b|\b{day}(?:st|nd|rd|th)?\.? (?:of )?{name}"
            for name in month
        ]
        return text.holds(found[0], self.plain) or any(re.search(rf"\b{one}", self.plain) for one in spoken)

    @_once
    def counts(self, superlative: str, thing: str) -> bool:
        """The superlative speaks of how many ``thing`` there are: "the most users", "most total messages"."""
        return bool(thing) and any(
            noun in sentence[place : place + 6]
            for sentence in self.sentences
            for _, place in _places(sentence, (superlative,))
            for noun in (thing, f"{thing}s")
        )

    @_once
    def asks(self, verbs: tuple[str, ...], objects: tuple[str, ...] = ()) -> bool:
        """Some sentence asks for one of ``verbs``, with one of ``objects`` in it where any are given."""
        nouns = frozenset(objects)
        return any(
            self._is_deed(sentence, place, len(verb))
            and not _negated(sentence, place)
            and (not nouns or _speaks_of(sentence, nouns))
            for sentence in self.sentences
            for verb, place in _places(sentence, verbs)
        )

    @_once
    def forbids(self, verbs: tuple[str, ...], objects: tuple[str, ...]) -> bool:
        """Some sentence says not to."""
        nouns = frozenset((*objects, "anything", "it", "them"))
        return any(
            _negated(sentence, place) and _speaks_of(sentence[place:], nouns)
            for sentence in self.sentences
            for _, place in _places(sentence, verbs)
        )

    @staticmethod
    def _is_deed(sentence: list[str], place: int, length: int) -> bool:
        before = sentence[place - 1] if place else "."
        if any(token in THIRD_PERSON for token in sentence[max(0, place - 2) : place]):
            return False
        asks_about = sentence[0] in ASKS_ABOUT and "?" in sentence[place:]
        if asks_about and before not in ("and", "then", "please"):
            return False
        return length > 1 or sentence[place] not in TWOFOLD or before in BEFORE_A_DEED


@lru_cache(maxsize=64)
def wording(raw: str) -> Wording:
    return Wording(raw)


def _places(sentence: list[str], verbs: tuple[str, ...]) -> Iterator[tuple[list[str], int]]:
    for verb in verbs:
        parts = verb.split()
        for place in range(len(sentence) - len(parts) + 1):
            if sentence[place : place + len(parts)] == parts:
                yield parts, place


def _negated(sentence: list[str], place: int) -> bool:
    before = sentence[max(0, place - 3) : place]
    return any(token in NOT for token in before) and not any(token in BUT_DO for token in before)


def _speaks_of(sentence: list[str], objects: frozenset[str]) -> bool:
    """One of the nouns, in either number, or a file name where files are spoken of."""
    forms = objects | {f"{noun}s" for noun in objects}
    return any(token in forms for token in sentence) or (
        "file" in objects and any(re.fullmatch(r".*\w\.[a-z]{2,4}", token) for token in sentence)
    )
