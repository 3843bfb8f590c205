"""Which verbs of a sentence are deeds asked of the claw, and which are forbidden it.

A verb counts where it stands like an order ("send", "please send", "can you send", "and send") and not where it is
somebody else's ("Bob will send", "ask Bob to send"), a question ("did he send", "how to send") or forbidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from meshclaw.guard.request.clauses import PRONOUNS, VERBS, Sentence
from meshclaw.guard.request.lexicon import (
    ASKED_OF,
    BACK_TO_ME,
    BEFORE_A_DEED,
    CURRENCY,
    DETERMINERS,
    EVERYTHING,
    FRESH,
    HOW,
    INFORMS,
    MODALS,
    MONEY,
    MYSELF,
    SPEAKING,
    THIRD_PERSON,
    TWOFOLD,
    Verbs,
)

_FILE = re.compile(r".*\w\.[a-z]{2,4}")


def asked(sentence: Sentence, verbs: Verbs, nouns: frozenset[str]) -> bool:
    """The sentence asks for one of ``verbs``, with what they work on where they need it."""
    rules = ((verbs.strong, False, False), (verbs.weak, True, False), (verbs.into, True, True))
    for group, needs_object, far in rules:
        for end in _deeds(sentence, group):
            if not needs_object or speaks_of(sentence.object_of(end, far=far), nouns):
                return True
    return any(_is_new(sentence.object_of(end, far=False), nouns) for end in _deeds(sentence, verbs.fresh))


def _deeds(sentence: Sentence, verbs: Sequence[str]) -> Iterator[int]:
    """The place behind each of the verbs that is asked for."""
    for verb in verbs:
        for place, end in sentence.places(verb):
            if _is_deed(sentence, place, end) and not sentence.forbidden[place]:
                yield end
        for place, end in sentence.places(gerund(verb)):
            if sentence.tokens[max(0, place - 1)] == "mind":  # "would you mind sending"
                yield end


def forbidden(sentence: Sentence, verbs: Verbs, nouns: frozenset[str], *, always: bool) -> bool:
    """The sentence says not to; ``always``: whatever else the request asks for, as in "do not send anything"."""
    for verb in verbs.all:
        for form in (verb, gerund(verb)):
            for place, end in sentence.places(form):
                rest = set(sentence.object_of(end, far=True)) if sentence.forbidden[place] else None
                if rest is not None and (
                    rest & EVERYTHING or (not always and (speaks_of(rest, nouns) or not rest))
                ):
                    return True
    return False


def points_back(sentence: Sentence) -> bool:
    """An *it* or a *there* in it means something said elsewhere."""
    return not (PRONOUNS | {"there"}).isdisjoint(sentence.where)


def hands_off(sentence: Sentence) -> bool:
    """It forbids whatever is no look: "do not change anything", "read only"."""
    words = " ".join(sentence.tokens)
    return bool(
        re.search(r"\b(?:read-only|read only|only read|nothing else|hands off)\b", words)
        or re.search(
            r"\b(?:not|never|without) (?:do|doing|chang\w+|touch\w*|modify\w*|alter\w*|write|writing|act\w*) "
            r"(?:to )?(?:anything|any of|a thing|something)",
            words,
        )
    )


def _is_deed(sentence: Sentence, place: int, end: int) -> bool:
    tokens = sentence.tokens
    before = tokens[place - 1] if place else "."
    if tokens[place] in BACK_TO_ME and tokens[place + 1 : place + 2] and tokens[place + 1] in MYSELF:
        return False
    if _is_somebody_elses(tokens, place) or _is_a_question(sentence, before):
        return False
    if end - place > 1:
        return before not in DETERMINERS
    return before in BEFORE_A_DEED if tokens[place] in TWOFOLD else before not in DETERMINERS


def _is_a_question(sentence: Sentence, before: str) -> bool:
    word = sentence.asks_about
    if not word or before == "please":
        return False
    return not (word in INFORMS and before in ("and", "then"))


def _is_somebody_elses(tokens: Sequence[str], place: int) -> bool:
    before = tokens[place - 1] if place else "."
    if any(word in THIRD_PERSON for word in tokens[max(0, place - 2) : place]):
        return True
    if before in MODALS:  # "Bob will send", "I can send it myself"
        subject = tokens[place - 2] if place > 1 else "you"
        mine = subject in ("i", "we") and before in ("should", "must", "shall")
        return not (subject in ASKED_OF or mine or subject in BEFORE_A_DEED - MYSELF - {"i"})
    if place > 1 and tokens[place - 2] in MODALS:  # "will Bob send"
        return before not in BEFORE_A_DEED | ASKED_OF
    if (
        before in ("and", "or") and place > 2 and tokens[place - 3] == "to" and tokens[place - 2] in VERBS
    ):  # "ask Bob to find and book"
        return _is_told(tokens, place - 3)
    return before == "to" and _is_told(tokens, place - 1)


def _is_told(tokens: Sequence[str], to: int) -> bool:
    """Behind this *to* stands what somebody else is to do, or how something is done."""
    if to and tokens[to - 1] in HOW:
        return True
    for place in range(to - 1, max(-1, to - 6), -1):
        if tokens[place] in SPEAKING:
            by_me = place > 0 and tokens[place - 1] in ("i", "we", "would")
            between = tokens[place + 1 : to]
            return not (by_me and (not between or {"you", "u"} & set(between)))
    return False


def speaks_of(words: Sequence[str] | set[str], nouns: frozenset[str]) -> bool:
    """One of the nouns, in either number, a file name where files are spoken of, a sum where money is."""
    forms = (
        nouns | {f"{noun}s" for noun in nouns} | {f"{noun[:-1]}ies" for noun in nouns if noun.endswith("y")}
    )
    return any(
        word in forms or ("file" in nouns and _FILE.fullmatch(word) is not None) or _is_sum(word, nouns)
        for word in words
    )


def _is_sum(word: str, nouns: frozenset[str]) -> bool:
    return bool(nouns & MONEY) and (word in CURRENCY or word[0] in CURRENCY or word[-1] in CURRENCY)


def _is_new(words: Sequence[str], nouns: frozenset[str]) -> bool:
    words = [one for one in words if one not in MYSELF]
    return bool(words) and (words[0] in FRESH or words[0].isdigit()) and speaks_of(words, nouns)


@lru_cache(maxsize=64)
def first_words(verbs: Verbs) -> frozenset[str]:
    """The words with which one of the verbs may begin."""
    return frozenset(form.partition(" ")[0] for verb in verbs.all for form in (verb, gerund(verb)))


@lru_cache(maxsize=512)
def gerund(verb: str) -> str:
    first, space, rest = verb.partition(" ")
    if re.fullmatch(r"[^aeiou]*[aeiou][bdgmnprt]", first):
        first += first[-1]
    elif first.endswith("e") and not first.endswith("ee"):
        first = first[:-1]
    return f"{first}ing{space}{rest}"
