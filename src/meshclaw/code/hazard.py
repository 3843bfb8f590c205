"""How much sooner or later lines of one sort die than lines of another: Cox's hazard ratio with one covariate.

Cox 1972, stratified, ties by Breslow (1974), which cares for lines as counts: to split them changes nothing. Where many
lines of a small stratum die at once it draws the ratio towards 1. The interval is the robust one of Lin & Wei (1989),
clustered as in ``survival``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import exp, sqrt

import msgspec

from meshclaw.code.survival import Life, clustered, effective, quantile

ROUNDS, CLOSE = 60, 1e-10
"""Newton's method: at most so many rounds, until a step is so small."""
STEP = 1.0
"""The longest step that one round may go: far out the likelihood is flat."""


class Hazard(msgspec.Struct, frozen=True, kw_only=True):
    """Of ``ones`` over ``others``: above 1 they die sooner."""

    ratio: float
    low: float
    high: float
    """95 %."""
    log_error: float
    """Clustered standard error of the ratio's logarithm, before the correction for few commits."""


class Death(msgspec.Struct, frozen=True):
    """One time in one stratum at which lines died."""

    time: int
    died: float
    ones_died: float
    ones: float
    """At risk."""
    others: float

    def share(self, theta: float) -> float:
        """Of the ones among those at risk, weighted by their hazard."""
        return self.ones * theta / (self.ones * theta + self.others)


def hazard_ratio(ones: Sequence[Life], others: Sequence[Life]) -> Hazard | None:
    """None where no ratio fits: no stratum has both sorts at risk at a death, or only one sort ever dies in any."""
    strata = _strata(ones, others)
    deaths = [death for found in strata.values() for death in found]
    beta = _fitted(deaths)
    if beta is None:
        return None
    theta = exp(beta)
    information = sum(
        death.died * (p := death.share(theta)) * (1 - p) for death in deaths
    )  # of the partial likelihood
    spread = clustered(_residuals(ones, others, strata, theta)) / information**2
    commits = min(effective(ones), effective(others))
    if commits <= 1:
        return Hazard(ratio=theta, low=0.0, high=float("inf"), log_error=sqrt(spread))
    half = quantile(commits - 1) * sqrt(spread * commits / (commits - 1))
    low, high = exp(max(beta - half, -700)), exp(min(beta + half, 700))
    return Hazard(ratio=theta, low=low, high=high, log_error=sqrt(spread))


def _strata(ones: Sequence[Life], others: Sequence[Life]) -> dict[int, list[Death]]:
    """Every death by stratum and time; strata with one sort alone tell nothing."""
    gone: defaultdict[int, defaultdict[int, list[float]]] = defaultdict(
        lambda: defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    )
    for sort, lives in enumerate((ones, others)):
        for time, lines, _, ended, stratum in lives:
            counts = gone[stratum][time]
            counts[sort] += lines
            if ended >= 0:
                counts[2 + sort] += lines
    found = {stratum: _deaths(by_time) for stratum, by_time in gone.items()}
    return {stratum: deaths for stratum, deaths in found.items() if deaths}


def _deaths(by_time: dict[int, list[float]]) -> list[Death]:
    found: list[Death] = []
    at_risk = [0.0, 0.0]
    for time in sorted(by_time, reverse=True):
        ones, others, ones_died, others_died = by_time[time]
        at_risk = [at_risk[0] + ones, at_risk[1] + others]
        if ones_died + others_died and at_risk[0] and at_risk[1]:
            found.append(Death(time, ones_died + others_died, ones_died, *at_risk))
    return found[::-1]


def _fitted(deaths: Sequence[Death]) -> float | None:
    """Root of the score, by Newton's method on a concave likelihood; None where it has no maximum."""
    ones = sum(death.ones_died for death in deaths)
    if not 0 < ones < sum(death.died for death in deaths):
        return None
    beta = 0.0
    for _ in range(ROUNDS):
        theta = exp(beta)
        score, information = ones, 0.0
        for death in deaths:
            p = death.share(theta)
            score -= death.died * p
            information += death.died * p * (1 - p)
        if information <= 0:
            return None
        step = score / information
        beta += max(-STEP, min(STEP, step))
        if abs(step) < CLOSE:
            return beta
    return None


def _residuals(
    ones: Sequence[Life], others: Sequence[Life], strata: dict[int, list[Death]], theta: float
) -> Iterator[tuple[int, int, float]]:
    """Score residuals: [died] (x - p(T)) - theta^x times the sum of d (x - p) / (risk) over deaths up to T."""
    for x, lives in ((1, ones), (0, others)):
        sums = {stratum: _sums(deaths, x, theta) for stratum, deaths in strata.items()}
        hazard = theta if x else 1.0
        for time, lines, born, ended, stratum in lives:
            if stratum not in sums:
                continue
            times, shares, totals = sums[stratum]
            place = bisect_right(times, time)
            change = -hazard * totals[place]
            if ended >= 0 and place and times[place - 1] == time:
                change += x - shares[place - 1]
            yield born, ended, lines * change


def _sums(deaths: Sequence[Death], x: int, theta: float) -> tuple[list[int], list[float], list[float]]:
    shares = [death.share(theta) for death in deaths]
    totals = [0.0]
    for death, p in zip(deaths, shares, strict=True):
        totals.append(totals[-1] + death.died * (x - p) / (death.ones * theta + death.others))
    return [death.time for death in deaths], shares, totals
