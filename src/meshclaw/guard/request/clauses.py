"""The sentences of a request: their words, what stands where, what a verb works on, how far a *not* reaches."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from meshclaw.guard.request.lexicon import (
    ASKS_ABOUT,
    ASKS_WITHOUT_MARK,
    BUT_DO,
    DEEDS,
    NOT,
    PREPOSITIONS,
    TEXTS_OF,
    TURNS,
    WEAKLY,
)
from meshclaw.guard.request.pasted import MARK

_TOKEN = re.compile(rf"[\w@#&+./:%$€£¥{MARK}-]+|[,;!?]")
_SENTENCE = re.compile(r"(?<=[.!?\n;])\s+|\n")
# "... at example.com.They sent": the host ended before.
_MISSING_SPACE = re.compile(r"(?<=[a-z])\.(?=[A-Z][a-z]*\s)")
_GAP = 5
"""Words that ``~`` may stand for."""
_FAR = 60
"""Words from a verb within which its object is looked for."""
_STOPS = frozenset(".;!?")
PRONOUNS = frozenset("it them this that those these both everything one ones him her".split())
VERBS = frozenset(verb.partition(" ")[0] for verbs in DEEDS.values() for verb in verbs.all)


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
            if word in _STOPS or (joined and ahead and ahead[0] in VERBS):
                break
            if not far and (word in PREPOSITIONS or (word == "of" and found[-1:] and found[-1] in TEXTS_OF)):
                break
            found.append(word.removeprefix(MARK))
        if PRONOUNS & set(found[:2]):
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
