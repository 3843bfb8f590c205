"""Values that the person did not name but described: the largest, the one that starts with, every one of them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from functools import lru_cache

from meshclaw.guard import text
from meshclaw.guard.history import Call, is_id
from meshclaw.guard.origin.search import Label, Search, is_own_id
from meshclaw.guard.request.lexicon import DEEDS, EVERY, SUPERLATIVES, Verbs

_CLOSED = 4
"""At most one in so many may stay uncounted."""


def starts_with(search: Search) -> Label | None:
    if not search.asked.starts:
        return None
    values = {leaf.value for _, leaf in search.history.of(search.type)}
    chosen = {one for one in values if text.plain(one).startswith(tuple(search.asked.starts))}
    return "selection" if chosen == {search.value} else None


def one_of_all(search: Search) -> Label | None:
    """ "each user", "all the members": any that the outside system itself lists."""
    if not any(leaf.field.writer == "system" for _, leaf in search.found):
        return None
    deed = DEEDS.get(search.deed, Verbs())
    return "selection" if search.asked.asks_with(_every(search.nouns), deed, search.objects) else None


def of_kind(search: Search) -> Label | None:
    """ "the newsletters": any of which the outside system itself says that it is one, whoever wrote it.

    Where the person narrows it down or leaves some out, which ones are meant is for them to say.
    """
    if search.asked.left_out:
        return None
    kinds = {
        kind.value
        for record, leaf in search.found
        if leaf.field.writer == "system"
        for kind in record.of("kind")
        if kind.field.writer == "system"
    }
    deed = DEEDS.get(search.deed, Verbs())
    asked = any(search.asked.asks_with(_deed_to_all(deed, kind), deed, search.objects) for kind in kinds)
    return "selection" if asked else None


@lru_cache(maxsize=256)
def _deed_to_all(deed: Verbs, kind: str) -> re.Pattern[str]:
    """The kind follows the verb at once, and nothing about it follows the kind."""
    verbs = "|".join(map(re.escape, deed.all)) or "(?!)"
    each = rf"(?:{'|'.join(sorted(EVERY))}|of|the|my|our|these|those|old|new|unread)"
    noun = re.escape(kind)
    end = r"(?=$| [,;!?]| please\b| now\b| and\b| (?:in|from) (?:my|the) inbox\b)"
    return re.compile(rf"\b(?:{verbs})(?: {each})* (?:{noun}s|(?<=each ){noun}|(?<=every ){noun}){end}")


@lru_cache(maxsize=256)
def _every(nouns: tuple[str, ...]) -> re.Pattern[str]:
    plural = "|".join(re.escape(noun) for noun in nouns if noun) or "(?!)"
    return re.compile(rf"\b(?:{'|'.join(sorted(EVERY))})\b(?: of| the| my| our| other)* (?:{plural})s?\b")


def superlative(search: Search) -> Label | None:
    """The largest, latest, fullest: worked out again from what was listed, and only where one stands alone."""
    if not search.found:
        return None
    for measure, words in SUPERLATIVES.items():
        for word in search.asked.words & words.keys():
            ranking = _counted(search, word) if measure == "count" else _measured(search, word, measure)
            best = max(ranking.values(), key=lambda rank, sign=words[word]: rank * sign, default=None)
            if len(ranking) > 1 and [one for one, rank in ranking.items() if rank == best] == [search.value]:
                return "selection"
    return None


def _picks(search: Search, word: str, noun: str) -> bool:
    deed = DEEDS.get(search.deed, Verbs())
    return search.asked.counts(word, noun) and search.asked.picks(word, noun, deed, search.objects)


def _measured(search: Search, word: str, measure: str) -> dict[str, float]:
    """By id, the size or time of everything of the kind that was fairly listed."""
    if not any(_picks(search, word, noun) for noun in search.nouns):
        return {}
    return {
        leaf.value: rank
        for record, leaf in search.history.of(search.type)
        if search.is_fair(record.call) and (is_own_id(record, leaf) or not is_id(search.type))
        for other in record.leaves
        if other.field.type == measure and (rank := _rank(other.value)) is not None
    }


def _counted(search: Search, word: str) -> Counter[str]:
    """By name, how many of the things that the superlative speaks of there are: users in a channel, mails by one.

    Empty unless everything that was listed was counted: who chooses what is counted chooses what comes first.
    """
    counts: Counter[str] = Counter()
    values = {leaf.value for _, leaf in search.history.of(search.type)}
    verbs: set[str] = set()
    for record in search.history.records:
        if any(_picks(search, word, leaf.field.type) for leaf in record.leaves):
            verbs.add(record.call.verb)
            asked = values.intersection(record.call.asked)
            counts.update(asked or {leaf.value for leaf in record.of(search.type)})
    calls = [call for call in search.history.calls if call.verb in verbs]
    for call in calls:
        counts.update(dict.fromkeys(values.intersection(call.asked), 0))
    return counts if _is_complete(calls, search) else Counter()


def _is_complete(calls: list[Call], search: Search) -> bool:
    """What was listed was asked about, but for a small part: some places are closed to the agent."""
    asked = {one for call in calls for one in call.asked}
    for type_ in {type_ for call in calls for type_ in call.types}:
        listed = {leaf.value for record, leaf in search.history.of(type_) if not record.call.asked}
        if not listed or len(listed - asked) > len(listed) // _CLOSED:
            return False
    return True


def _rank(value: str) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return _number(value)


def _number(value: str) -> float | None:
    return float(value) if re.fullmatch(r"-?\d{1,18}(?:\.\d{1,9})?", value, re.ASCII) else None
