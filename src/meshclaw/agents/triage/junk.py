"""How much a mail looks like what the person called junk: Robinson's and Fisher's combination of counts.

Source: Gary Robinson, "A Statistical Approach to the Spam Problem", Linux Journal 107 (March 2003), as
used by SpamBayes. Nothing is trained: the score is a formula over counts, so lessons can be taken back.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import msgspec

from meshclaw.agents.triage.lessons import Lessons, Occurrence

STRENGTH = 3.0
"""Robinson's s: how many mails the assumption "unknown = 0.5" is worth; by cross-validation."""
NEUTRAL = 0.1
"""Tokens nearer to 0.5 than this say nothing and are left out. Every other one votes, where SpamBayes keeps the 150
strongest."""
SHAPE = 0.75
"""Part of the score that the tokens of shape decide among themselves: a long text outvotes them otherwise."""
ENOUGH = 5
"""Junk mails that must be learned before the model says anything."""
DOUBT = 10
"""The same for wanted mails; with n of them the score strays from 0.5 by 1 - DOUBT / n of what the counts say.
Who calls 60 mails junk and 6 wanted has hardly told what wanted mail is like: most new words are junk then."""


class Clue(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    chance: float
    """Robinson's f(w): 0 wanted to 1 junk."""


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    score: float
    """0 wanted, 1 junk, 0.5 unknown or contradictory."""
    clues: tuple[Clue, ...] = ()

    def words(self, limit: int = 3) -> tuple[str, ...]:
        """The mail's own words that spoke most for junk, strongest first."""
        told = (token.removeprefix("subject:") for token in self._spoke())
        return tuple(dict.fromkeys(word for word in told if ":" not in word))[:limit]

    def shape(self) -> tuple[str, ...]:
        """The tokens of shape that spoke for junk, strongest first."""
        return tuple(token for token in self._spoke() if _of_shape(token))

    def _spoke(self) -> list[str]:
        return [clue.token for clue in sorted(self.clues, key=_rank) if clue.chance > 0.5]


def _rank(clue: Clue) -> tuple[float, str]:
    # The name breaks ties so that the order in which tokens arrive does not matter.
    return (-abs(clue.chance - 0.5), clue.token)


def likeness(tokens: Iterable[str], lessons: Lessons) -> Likeness:
    """0.5 while the model is silent."""
    wanted, junk = lessons.totals()
    if silent(lessons):
        return Likeness(score=0.5)
    weighed = [(one.token, _chance(one, wanted, junk)) for one in lessons.occurrences(tokens)]
    spoken = [Clue(token=name, chance=chance) for name, chance in weighed if abs(chance - 0.5) >= NEUTRAL]
    every, shape = combine(spoken), combine([clue for clue in spoken if _of_shape(clue.token)])
    said = (1 - SHAPE) * every.score + SHAPE * shape.score
    return Likeness(score=0.5 + (said - 0.5) * (1 - DOUBT / wanted), clues=every.clues)


def silent(lessons: Lessons) -> bool:
    """Too little is learned to say anything."""
    wanted, junk = lessons.totals()
    return junk < ENOUGH or wanted <= DOUBT


def _of_shape(token: str) -> bool:
    return ":" in token and not token.startswith("subject:")


def combine(clues: list[Clue]) -> Likeness:
    """Fisher's method on both sides; I = (1 + H - S) / 2 as in the article."""
    if not clues:
        return Likeness(score=0.5)
    for_junk = _chi_squared(-math.fsum(math.log(clue.chance) for clue in clues), len(clues))
    for_wanted = _chi_squared(-math.fsum(math.log1p(-clue.chance) for clue in clues), len(clues))
    return Likeness(score=(1 + for_junk - for_wanted) / 2, clues=tuple(clues))


def _chance(one: Occurrence, wanted: int, junk: int) -> float:
    """Robinson's f(w) = (s x + n p(w)) / (s + n) with x = 0.5."""
    in_junk = one.junk / junk
    seen = one.wanted + one.junk
    return (STRENGTH * 0.5 + seen * in_junk / (one.wanted / wanted + in_junk)) / (STRENGTH + seen)


def _chi_squared(half: float, pairs: int) -> float:
    """Probability that chi-squared with ``2 * pairs`` degrees of freedom is at least ``2 * half``.

    That is the chance of fewer than ``pairs`` events of a Poisson law of mean ``half`` (Abramowitz and Stegun
    26.4.21), summed from its largest term outwards: from the first one, hundreds of clues underflow.
    """
    if half <= 0:
        return 1.0
    if half < pairs:
        first = math.exp(pairs * math.log(half) - half - math.lgamma(pairs + 1))
        return max(1 - first * _series(half / (pairs + at) for at in itertools.count(1)), 0.0)
    first = math.exp((pairs - 1) * math.log(half) - half - math.lgamma(pairs))
    return min(first * _series((pairs - at) / half for at in range(1, pairs)), 1.0)


def _series(ratios: Iterable[float]) -> float:
    """1 + r1 + r1 r2 + ... until nothing is added any more; the ratios are below 1 and fall."""
    term = total = 1.0
    for ratio in ratios:
        term *= ratio
        total += term
        if term < 1e-16 * total:
            break
    return total
