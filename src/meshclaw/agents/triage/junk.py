"""How much a mail looks like what the person called junk: Robinson's and Fisher's combination of counts.

Source: Gary Robinson, "A Statistical Approach to the Spam Problem", Linux Journal 107 (March 2003), as
used by SpamBayes. Nothing is trained: the score is a formula over counts, so lessons can be taken back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from meshclaw.agents.triage.lessons import Lessons, Occurrence

STRENGTH = 2.0
"""Robinson's s: how many mails the assumption "unknown = 0.5" is worth; by cross-validation."""
NEUTRAL = 0.1
"""Tokens nearer to 0.5 than this say nothing and are left out."""
STRONGEST = 150
"""Tokens that vote, as in SpamBayes; more would only repeat each other."""
ENOUGH = 5
"""Mails that must be learned on both sides before the model says anything."""


class Clue(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    chance: float
    """Robinson's f(w): 0 wanted to 1 junk."""


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    score: float
    """0 wanted, 1 junk, 0.5 unknown or contradictory."""
    clues: tuple[Clue, ...] = ()
    """Strongest first."""

    def words(self, limit: int = 3) -> tuple[str, ...]:
        """The mail's own words that spoke most for junk."""
        told = (clue.token.removeprefix("subject:") for clue in self.clues if clue.chance > 0.5)
        return tuple(dict.fromkeys(word for word in told if ":" not in word))[:limit]


def likeness(tokens: Iterable[str], lessons: Lessons) -> Likeness:
    """0.5 until ``ENOUGH`` mails of each side are learned."""
    wanted, junk = lessons.totals()
    if min(wanted, junk) < ENOUGH:
        return Likeness(score=0.5)
    clues = [_clue(one, wanted, junk) for one in lessons.occurrences(tokens)]
    return combine([clue for clue in clues if abs(clue.chance - 0.5) >= NEUTRAL])


def combine(clues: list[Clue]) -> Likeness:
    """Fisher's method on both sides; I = (1 + H - S) / 2 as in the article."""
    # The name breaks ties so that the order in which tokens arrive does not matter.
    strongest = sorted(clues, key=lambda clue: (-abs(clue.chance - 0.5), clue.token))[:STRONGEST]
    if not strongest:
        return Likeness(score=0.5)
    for_junk = _chi_squared(-2 * math.fsum(math.log(clue.chance) for clue in strongest), len(strongest))
    for_wanted = _chi_squared(-2 * math.fsum(math.log1p(-clue.chance) for clue in strongest), len(strongest))
    return Likeness(score=(1 + for_junk - for_wanted) / 2, clues=tuple(strongest))


def _clue(one: Occurrence, wanted: int, junk: int) -> Clue:
    in_wanted = one.wanted / wanted
    in_junk = one.junk / junk
    seen = one.wanted + one.junk
    chance = in_junk / (in_wanted + in_junk)
    return Clue(token=one.token, chance=(STRENGTH * 0.5 + seen * chance) / (STRENGTH + seen))


def _chi_squared(value: float, pairs: int) -> float:
    """Probability that chi-squared with ``2 * pairs`` degrees of freedom is at least ``value``."""
    half = value / 2
    term = total = math.exp(-half)
    for index in range(1, pairs):
        term *= half / index
        total += term
    return min(total, 1.0)
