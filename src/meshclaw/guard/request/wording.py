"""A person's request, taken apart once: deeds asked for, and the names, addresses, links, days and sums in it.

No grammar, and no model: short lists of words and where they stand. What is read too narrowly becomes a question
or a denial that the person lifts by saying it plainly; what is read too widely is caught by the other layers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property, lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from meshclaw.guard import text
from meshclaw.guard.links import targets_in
from meshclaw.guard.request import amounts, clauses, deeds, names
from meshclaw.guard.request.clauses import Sentence
from meshclaw.guard.request.lexicon import COMMON, DETERMINERS, FRESH, Verbs
from meshclaw.guard.request.pasted import MARK, Parts

_STARTING = re.compile(
    r"\b(?:starts|starting|begins|beginning) with (?:the )?(?:letters? |words? )?['\"]?([\w-]+)",
    re.IGNORECASE,
)
_ANSWERS = 10_000
_UNKNOWN = object()
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

P = ParamSpec("P")
R = TypeVar("R")


def _once(answer: Callable[Concatenate[Wording, P], R]) -> Callable[Concatenate[Wording, P], R]:
    """The words do not change, so neither does any answer about them."""

    @wraps(answer)
    def known(self: Wording, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (answer.__name__, *args)
        found = self.answers.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            if len(self.answers) > _ANSWERS:
                self.answers.clear()
            found = self.answers[key] = answer(self, *args, **kwargs)
        return cast("R", found)

    return known


class Wording:
    """``raw`` as the person wrote it; pasted text in it counts for nothing."""

    def __init__(self, raw: str) -> None:
        self.parts = parts = Parts(raw)
        self.answers: dict[tuple[object, ...], object] = {}
        self.own = text.plain(parts.own)
        """What they wrote themselves, short and long quotations included: content they supply."""
        self.targets = text.plain(parts.targets)
        """What may name whom or what they mean."""
        self.unquoted = text.plain(parts.unquoted)
        self.sentences = clauses.sentences(parts.asking)
        self.addresses = frozenset(text.addresses(_spaced(parts.targets)))
        self.links = frozenset(targets_in(_spaced(parts.targets)))
        self.left_out = text.plain(parts.left_out)

    @cached_property
    def everything(self) -> str:
        """Pasted text included."""
        return text.plain(self.parts.raw)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(token for sentence in self.sentences for token in sentence.tokens)

    @cached_property
    def supplied_links(self) -> frozenset[str]:
        """Links that may stand in what goes out: long quotations are theirs too."""
        return frozenset(targets_in(_spaced(self.parts.own)))

    @cached_property
    def supplied_addresses(self) -> frozenset[str]:
        return frozenset(text.addresses(_spaced(self.parts.own)))

    @cached_property
    def quoted(self) -> frozenset[str]:
        """What stands in quotation marks, in the form in which names are compared."""
        return frozenset(form for one in self.parts.quoted for form in (text.name(one), text.plain(one)))

    @cached_property
    def proper(self) -> frozenset[str]:
        """Whole names by their capitals: "Blue Sparrow" and neither word of it.

        A capital where a sentence begins, or in a sentence full of them, makes no name: anybody could bear it.
        """
        return frozenset(names.runs(self.parts.unquoted, first=False))

    @cached_property
    def capitals(self) -> frozenset[str]:
        """The same with single words where a sentence begins: to be looked up in the person's own books alone."""
        return frozenset(names.runs(self.parts.unquoted, first=True))

    @cached_property
    def starts(self) -> frozenset[str]:
        """What a name was said to begin with."""
        return frozenset(text.plain(found) for found in _STARTING.findall(self.targets)) - COMMON

    @cached_property
    def amounts(self) -> frozenset[str]:
        return amounts.spoken(self.parts.targets)

    @cached_property
    def digits(self) -> str:
        """Every number they wrote, without what stands between its digits."""
        return re.sub(r"(?<=\d)[ \-./_(),]{1,2}(?=\d)", "", self.own)

    @cached_property
    def hands_off(self) -> bool:
        return any(deeds.hands_off(one) for one in self.sentences)

    @_once
    def says(self, phrase: str) -> bool:
        """The whole phrase stands in the request."""
        return text.holds(text.plain(phrase), self.targets)

    @_once
    def says_of_its_own(self, phrase: str) -> bool:
        """It stands there and is more than words that every request holds."""
        return self.says(phrase) and names.is_distinct(text.name(phrase))

    @_once
    def leaves_out(self, thing: str) -> bool:
        """What stands behind a *not* or an *except*, and nowhere else."""
        wanted = text.plain(thing)
        return (
            text.holds(wanted, self.left_out)
            and names.is_distinct(wanted)
            and not text.holds(wanted, self.targets)
        )

    @_once
    def names(self, thing: str, nouns: tuple[str, ...] = ()) -> bool:
        """The person spoke of ``thing`` as of a name: quoted, marked, with capitals, or beside what it is.

        A channel that somebody called "the" is not named by a request that happens to hold the word.
        """
        wanted = text.plain(thing)
        if wanted in self.quoted or wanted in self.proper or any(f"{m}{wanted}" in self.words for m in "#@"):
            return True
        if not names.is_distinct(wanted) or not text.holds(wanted, self.unquoted):
            return False
        if " " not in wanted and (
            any(char in wanted for char in ".@_-/") or any(c.isdigit() for c in wanted)
        ):
            return not names.is_measure(wanted)  # nobody writes these by accident
        return any(
            text.holds(f"{noun} {wanted}", self.unquoted) or text.holds(f"{wanted} {noun}", self.unquoted)
            for noun in nouns
        )

    @_once
    def speaks_of(self, title: str) -> bool:
        """The same of the title of a record, whose forms are freer: "the grocery list" is ``Grocery-List.docx``."""
        loose = text.name(title)
        if loose in self.quoted or self.names(title) or self.names(loose):
            return True
        return " " in loose and names.is_distinct(loose) and text.holds(loose, self.unquoted)

    @_once
    def says_kind(self, name: str, kind: str) -> bool:
        """The name stands beside what it is: "the 'Spring offer' event"."""
        loose = text.name(re.sub(r"[\"']", " ", self.targets))
        return any(text.holds(both, loose) for both in (f"{kind} {name}", f"{name} {kind}"))

    @_once
    def spoken(self, titles: tuple[str, ...]) -> frozenset[str]:
        """Those of the titles that the person spoke of, in the form in which names are compared."""
        return frozenset(text.name(title) for title in titles if self.speaks_of(title))

    @_once
    def gives(self, value: str) -> bool:
        """The person wrote this very text as a value: quoted, or all that follows a "to", "as" or "run"."""
        if value.translate(text.QUOTES) in self.parts.quotations:
            return True
        lead = r"(?:\b(?:to|as|is|be|with|run|execute|command|script)|[:=])\s+"
        there = rf"{lead}{re.escape(value)}\s*(?:[.!?]?\s*$|[.!?;,]\s|\n)"
        return bool(value.strip()) and re.search(there, self.parts.targets, re.IGNORECASE) is not None

    @_once
    def tells(self, statement: str) -> bool:
        """The person said that this very sentence is to be remembered: it follows on a "remember", "note that"."""
        lead = r"\b(?:remember|memori[sz]e|note|keep in mind|bear in mind|note down|note to self)(?: that\b|\s*:)?\s+"
        there = rf"{lead}{re.escape(text.plain(statement).rstrip(' .!?'))}\s*(?:[.!?]?\s*$|[.!?;]\s)"
        said = text.plain(self.parts.asking.replace(MARK, ""))
        return bool(statement.strip()) and re.search(there, said) is not None

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
        return text.holds(found[0], self.targets) or any(
            re.search(rf"\b(?:{one})", self.targets) for one in spoken
        )

    @_once
    def counts(self, superlative: str, thing: str) -> bool:
        """The superlative is said of ``thing``: "the largest file", "the most total messages", not "first, send it"."""
        return bool(self._counting(superlative, thing))

    def _counting(self, superlative: str, thing: str) -> list[Sentence]:
        found = [self.sentences[place] for place in self._where.get(superlative, ())] if thing else []
        return [
            one for one in found if any(_is_said_of(one.tokens, at, thing) for at in one.where[superlative])
        ]

    @_once
    def picks(self, superlative: str, thing: str, verbs: Verbs, objects: tuple[str, ...]) -> bool:
        """The deed is asked for in the sentence of the superlative, or of an *it* elsewhere."""
        nouns = frozenset(objects)
        said = self._counting(superlative, thing)
        asking = [one for one in self._with(verbs) if deeds.asked(one, verbs, nouns)]
        return any(one in said or (said and deeds.points_back(one)) for one in asking)

    @_once
    def asks(self, verbs: Verbs, objects: tuple[str, ...] = ()) -> bool:
        """Some sentence asks for one of ``verbs``, with one of ``objects`` where they need it."""
        nouns = frozenset(objects)
        return any(deeds.asked(sentence, verbs, nouns) for sentence in self._with(verbs))

    @_once
    def asks_of(self, name: str, verbs: Verbs, objects: tuple[str, ...]) -> bool:
        """One of the sentences that ask for the deed holds the name."""
        nouns = frozenset(objects)
        return any(
            text.holds(name, text.name(" ".join(one.tokens).replace(MARK, "")))
            for one in self._with(verbs)
            if deeds.asked(one, verbs, nouns)
        )

    @_once
    def asks_with(self, pattern: re.Pattern[str], verbs: Verbs, objects: tuple[str, ...]) -> bool:
        """The pattern stands in a sentence that asks for the deed."""
        nouns = frozenset(objects)
        return any(
            pattern.search(" ".join(one.tokens).replace(MARK, "")) and deeds.asked(one, verbs, nouns)
            for one in self._with(verbs)
        )

    @_once
    def forbids(self, verbs: Verbs, objects: tuple[str, ...] = ()) -> bool:
        """Some sentence says not to; where another asks for it, only a "not ... anything" counts."""
        nouns = frozenset(objects)
        both = self.asks(verbs, objects)
        return any(deeds.forbidden(one, verbs, nouns, always=both) for one in self._with(verbs))

    def _with(self, verbs: Verbs) -> list[Sentence]:
        """The sentences that hold one of the verbs, in whatever part."""
        places = sorted({place for word in deeds.first_words(verbs) for place in self._where.get(word, ())})
        return [self.sentences[place] for place in places]

    @cached_property
    def _where(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for place, sentence in enumerate(self.sentences):
            for word in sentence.where:
                found[word].append(place)
        return found


@lru_cache(maxsize=64)
def wording(raw: str) -> Wording:
    return Wording(raw)


def _spaced(raw: str) -> str:
    return re.sub(r"(?<=[a-z])\.(?=[A-Z][a-z]*\s)", ". ", raw)


def _is_said_of(tokens: list[str], place: int, thing: str) -> bool:
    before = tokens[place - 1] if place else ""
    if before not in DETERMINERS - {"a", "an"} and tokens[place + 1 : place + 3] != ["number", "of"]:
        return False
    for token in tokens[place + 1 : place + 5]:
        if token in (thing, f"{thing}s"):
            return True
        if (
            token in DETERMINERS | FRESH
            or not token[0].isalnum()
            or (token in ("to", "with", "from", "that"))
        ):
            return False
    return False
