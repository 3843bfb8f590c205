"""How long lines live: Kaplan-Meier, intervals that know that lines come and go together, a hazard ratio.

Lines of one commit die together, and one commit ends lines of many, so ten thousand lines may be thirty independent
facts. Every variance here is therefore clustered both ways, by the commit that began a line and by the one that ended
it; Greenwood's, which takes lines for independent, is kept to compare with.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import sqrt
from operator import itemgetter
from typing import NamedTuple

import msgspec

Z95 = 1.959963984540054
CLOSE = 1e-10
"""Of a number of lines: less is none, for weights add up with errors."""


class Life(NamedTuple):
    """Lines with the same fate."""

    time: int
    """At which they died or were last seen, in any whole unit since their birth."""
    lines: float
    """How many they count as."""
    born: int
    """The commit that began them."""
    ended: int
    """The commit that ended them; -1 where they still live (right-censored)."""
    stratum: int = 0


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Kaplan & Meier 1958, in steps at the times at which lines died."""

    times: list[int]
    share: list[float]
    """Alive just after each time."""
    left: list[float]
    """Lines at risk less those that died, at each time."""
    greenwood: list[float]
    """Sum of d / (n (n - d)) up to each time; times the squared share it is Greenwood's variance (1926)."""
    last: int
    """The longest time that any line was seen; nothing is known beyond it, unless none is left."""

    def at(self, time: int) -> float | None:
        """Share alive after ``time``; None where no line was seen for so long."""
        place = bisect_right(self.times, time)
        share = self.share[place - 1] if place else 1.0
        return share if time <= self.last or share == 0.0 else None

    def greenwood_at(self, time: int) -> float:
        """Greenwood's variance of the share: for lines that have nothing to do with one another."""
        place = bisect_right(self.times, time)
        return self.share[place - 1] ** 2 * self.greenwood[place - 1] if place else 0.0


def kaplan_meier(lives: Iterable[Life]) -> Curve:
    """Lines last seen at the time of a death were at risk of it."""
    died: defaultdict[int, float] = defaultdict(float)
    gone: defaultdict[int, float] = defaultdict(float)
    for time, lines, _, ended, _ in lives:
        gone[time] += lines
        if ended >= 0:
            died[time] += lines
    curve = Curve(times=[], share=[], left=[], greenwood=[], last=max(gone, default=-1))
    at_risk, share, total = float(sum(gone.values())), 1.0, 0.0
    for time in sorted(gone):
        dead = died.get(time, 0.0)
        if dead:
            left = at_risk - dead if at_risk - dead > at_risk * CLOSE else 0.0
            share *= left / at_risk
            total += dead / (at_risk * left) if left else 0.0
            curve.times.append(time)
            curve.share.append(share)
            curve.left.append(left)
            curve.greenwood.append(total)
        at_risk -= gone[time]
    return curve


def variance_at(curve: Curve, lives: Iterable[Life], time: int) -> float:
    """As ``variances``, at one time."""
    return variances(curve, lives, [time])[0]


def variances(curve: Curve, lives: Iterable[Life], times: Sequence[int]) -> list[float]:
    """Clustered variance of the share alive at each of ``times``, which rise; by the infinitesimal jackknife.

    What one line more of a sort would change: S(t) (G(min(T, t)) - [died by t] / (n - d)(T)), with G Greenwood's sum;
    over independent lines the squares add up to Greenwood's variance exactly. What a line changes stays the same from
    its end on, so one pass over the lives serves all times.
    """
    sums = [0.0, *curve.greenwood]
    dying = {
        time: total - (1 / left if left else 0.0)  # where none is left the share is 0, and so is its variance
        for time, total, left in zip(curve.times, curve.greenwood, curve.left, strict=True)
    }
    queue = sorted(lives, key=itemgetter(0))
    living: defaultdict[int, float] = defaultdict(float)
    for _, lines, born, _, _ in queue:
        living[born] += lines
    done: defaultdict[int, float] = defaultdict(float)
    across, place, found = _Across(), 0, list[float]()
    for time in times:
        end = bisect_right(queue, time, key=itemgetter(0))
        for lived, lines, born, ended, _ in queue[place:end]:
            if ended >= 0:
                change = lines * dying[lived]
                across.add(born, ended, change)
            else:
                change = lines * sums[bisect_right(curve.times, lived)]
            living[born] -= lines
            done[born] += change
        place = end
        upto = sums[bisect_right(curve.times, time)]
        one_way = sum((done[born] + upto * lines) ** 2 for born, lines in living.items())
        found.append((curve.at(time) or 0.0) ** 2 * (one_way + max(0.0, across.total)))
    return found


def clustered(changes: Iterable[tuple[int, int, float]]) -> float:
    """Variance of the sum of ``changes`` (the commit that began, the one that ended or -1, how much).

    Those with the same beginning or the same end move together (Cameron, Gelbach & Miller 2011).
    """
    begun: defaultdict[int, float] = defaultdict(float)
    across = _Across()
    for born, ended, change in changes:
        begun[born] += change
        if ended >= 0:
            across.add(born, ended, change)
    return sum(change * change for change in begun.values()) + max(0.0, across.total)


class _Across:
    """What changes of different beginnings with the same end add: the squares of their sums less those of each."""

    def __init__(self) -> None:
        self._both: dict[tuple[int, int], float] = {}
        self._ends: dict[int, float] = {}
        self.total = 0.0

    def add(self, born: int, ended: int, change: float) -> None:
        of_both = self._both.get((born, ended), 0.0)
        of_end = self._ends.get(ended, 0.0)
        self._both[born, ended] = of_both + change
        self._ends[ended] = of_end + change
        self.total += 2 * change * (of_end - of_both)


def effective(lives: Iterable[Life]) -> float:
    """How many commits of equal size would tell as much: (sum of lines)² / sum of squares (Kish 1965)."""
    sizes: defaultdict[int, float] = defaultdict(float)
    for _, lines, born, _, _ in lives:
        sizes[born] += lines
    squares = sum(size * size for size in sizes.values())
    return sum(sizes.values()) ** 2 / squares if squares else 0.0


def interval(share: float, variance: float, commits: float) -> tuple[float, float]:
    """95 % bounds of a share: Wilson's interval with the number of independent facts that the variance speaks of.

    For Kaplan-Meier it is Rothman's (1978); with the quantile of Student's t it is Korn & Graubard's (1998) way with
    clustered samples. ``commits`` is their effective number. It stays within 0 and 1, and where every line has the
    same fate it says what so few commits can tell.
    """
    if commits <= 1:
        return 0.0, 1.0
    spread = variance * commits / (commits - 1)
    facts = share * (1 - share) / spread if spread > 0 else commits
    t2 = quantile(commits - 1) ** 2
    centre = share + t2 / (2 * facts)
    half = sqrt(t2 * (share * (1 - share) / facts + t2 / (4 * facts * facts)))
    scale = 1 + t2 / facts
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def quantile(freedom: float) -> float:
    """97.5 % point of Student's t, by Abramowitz & Stegun 26.7.5; within 0.01 from 3 degrees of freedom on."""
    v, z = max(freedom, 1.0), Z95
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )
