"""What a request asks for: its sentences, and which of their verbs are deeds asked of the claw.

A verb counts where it stands like an order ("send", "please send", "can you send", "and send") and not where it is
somebody else's ("Bob will send", "ask Bob to send"), a question ("did he send", "how to send") or forbidden.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

from meshclaw.guard.lexicon import (
    ASKED_OF,
    ASKS_ABOUT,
    ASKS_WITHOUT_MARK,
    BACK_TO_ME,
    BEFORE_A_DEED,
    BUT_DO,
    CURRENCY,
    DEEDS,
    DETERMINERS,
    EVERYTHING,
    FRESH,
    HOW,
    INFORMS,
    MODALS,
    MONEY,
    MYSELF,
    NOT,
    PREPOSITIONS,
    SPEAKING,
    TEXTS_OF,
    THIRD_PERSON,
    TURNS,
    TWOFOLD,
    WEAKLY,
    Verbs,
)  # fmt: skip
from meshclaw.guard.pasted import MARK

_TOKEN = re.compile(rf"[\w@#&+./:%$€£¥{MARK}-]+|[,;!?]")
_SENTENCE = re.compile(r"(?<=[.!?\n;])\s+|\n")
# "... at example.com.They sent": the host ended before.
_MISSING_SPACE = re.compile(r"(?<=[a-z])\.(?=[A-Z][a-z]*\s)")
_FILE = re.compile(r".*\w\.[a-z]{2,4}")
_GAP = 5
"""Words that ``~`` may stand for."""
_FAR = 60
"""Words from a verb within which its object is looked for."""
_STOPS = frozenset(".;!?")
_PRONOUNS = frozenset("it them this that those these both everything one ones him her".split())
_VERBS = frozenset(verb.partition(" ")[0] for verbs in DEEDS.values() for verb in verbs.all)


class Sentence:
    """Lower-case words and punctuation, with what stands where."""

    def __init__(self, tokens: Sequence[str], before: Sequence[str] = ()) -> None:
        self.tokens = list(tokens)
        self.before = list(before)
        """The sentence before: an *it* may mean something there."""
        self.where: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(self.tokens):
            self.where[word].append(place)

    @cached_property
    def forbidden(self) -> list[bool]:
        return list(_forbidden(self.tokens))

    @cached_property
    def asks_about(self) -> str:
        """The word that makes a question of it; empty where it is none, or a polite order."""
        start = next(
            (one for one in self.tokens if one not in ("and", "so", "hey", "hi", "ok", ",", ".")), ""
        )
        polite = {"why": {"not", "do"}}.get(start, {"about"}) & set(self.tokens[1:2])
        if polite or start not in ASKS_ABOUT:
            return ""
        return start if start in ASKS_WITHOUT_MARK or "?" in self.tokens else ""

    def places(self, verb: str) -> Iterator[tuple[int, int]]:
        """Where ``verb`` begins and where its last word ends."""
        first, *rest = verb.split()
        for place in self.where.get(first, ()):
            if (end := self._behind(place + 1, rest)) is not None:
                yield place, end

    def _behind(self, end: int, rest: Sequence[str]) -> int | None:
        for number, part in enumerate(rest):
            if part != "~":
                if self.tokens[end : end + 1] != [part]:
                    return None
                end += 1
                continue
            wanted = rest[number + 1]
            gap = self.tokens[end + 1 : end + 1 + _GAP]
            if wanted not in gap or _STOPS & set(gap[: gap.index(wanted)]) or self.tokens[end] in _STOPS:
                return None
            end += 1 + gap.index(wanted)
        return end

    def object_of(self, end: int, *, far: bool) -> list[str]:
        """The words that say what a verb before ``end`` works on; with ``far``, all up to the next deed."""
        found: list[str] = []
        for place in range(end, min(end + _FAR, len(self.tokens))):
            word, ahead = self.tokens[place], self.tokens[place + 1 : place + 2]
            joined = word in ("and", "or", "then", ",", "&")
            if word in _STOPS or (joined and ahead and ahead[0] in _VERBS):
                break
            if not far and (word in PREPOSITIONS or (word == "of" and found[-1:] and found[-1] in TEXTS_OF)):
                break
            found.append(word.removeprefix(MARK))
        if _PRONOUNS & set(found[:2]):
            found += [
                one.removeprefix(MARK)
                for one in (*self.before[-_FAR:], *self.tokens[max(0, end - _FAR) : end])
            ]
        return found


def sentences(asking: str) -> list[Sentence]:
    found: list[Sentence] = []
    for one in _SENTENCE.split(_MISSING_SPACE.sub(". ", asking)):
        if tokens := list(_tokens(_spelled_out(one))):
            found.append(Sentence(tokens, found[-1].tokens if found else ()))
    return found


def _spelled_out(sentence: str) -> str:
    """Contractions as words: "don't" is "do not"."""
    plain = " ".join(sentence.casefold().split())
    plain = re.sub(r"\b(ca|wo)n't\b", lambda found: "can not" if found[1] == "ca" else "will not", plain)
    plain = re.sub(r"\bcannot\b", "can not", re.sub(r"n't\b", " not", re.sub(r"\bdont\b", "do not", plain)))
    return re.sub(r"'(?:s|m|re|ll|d|ve)\b", "", plain)


def _tokens(plain: str) -> Iterator[str]:
    for found in _TOKEN.findall(plain):
        core = found.rstrip(".:/-+&#@%")
        if core.strip(MARK):
            yield core
        if found[len(core) : len(core) + 1] in (".", ":"):
            yield found[len(core)]
        elif not core and "-" in found:
            yield "-"


def _forbidden(words: Sequence[str]) -> Iterator[bool]:
    """For each word, whether a *not* that forbids reaches it: up to a turn, or to a comma that ends its clause."""
    reach, weak = False, 0
    for place, word in enumerate(words):
        if reach and word == ",":
            listed = bool({"or", "nor"} & set(words[place : place + 10]))  # "do not send, share or delete"
            reach = listed or words[place - 1] in NOT or _closes_aside(words, place)
        elif word in TURNS:
            reach, weak = False, 0
        elif word in NOT and words[place + 1 : place + 2] and words[place + 1] not in BUT_DO:
            if place and words[place - 1] in WEAKLY:
                weak = 3
            else:
                reach = True
        yield reach or weak > 0
        weak -= 1


def _closes_aside(words: Sequence[str], place: int) -> bool:
    """The comma ends what one behind a *not* began: "do not, under any circumstances, send"."""
    return any(words[one] == "," and words[one - 1] in NOT for one in range(max(1, place - 8), place))


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
        before in ("and", "or") and place > 2 and tokens[place - 3] == "to" and tokens[place - 2] in _VERBS
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
