"""From samples to shares, each with its interval and what it rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, isfinite
from typing import NamedTuple

from meshclaw.changes.report import Comparison, Cycle, Group, Point, Ratio, Share, Survival
from meshclaw.changes.sample import BEFORE, DAY, Made, Sample, Sort
from meshclaw.code.hazard import hazard_ratio
from meshclaw.code.survival import Curve, Life, clustered, effective, interval, kaplan_meier, variances

DAYS = (1, 3, 7, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365, 545, 730, 1095, 1460, 1825, 2555, 3650)
"""Of a curve; the horizons are among them."""
HORIZONS = (14, 30, 90)
MOST_HELD = 1_000_000
"""Rows; they take about 150 bytes each."""
REWORK = 14
"""Days."""

Which = Callable[[Sort], bool]


class Rests(NamedTuple):
    """What a share rests on."""

    lines: int
    commits: int


class Pool:
    """The lines of several repositories, each line's commit and stratum its repository's own."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self._offsets: list[int] = []
        self._strata: list[int] = []
        self._seen: list[int] = []
        self._held: dict[tuple[int, int], list[Life]] = {}
        self._is_small = sum(len(sample.rows.lines) for sample in samples) <= MOST_HELD
        strata = 0
        for sample in samples:
            self._offsets.append(len(self._seen))
            self._strata.append(strata)
            self._seen.extend(sample.seen)
            strata += len(sample.strata)

    def lives(self, which: Which) -> Iterator[Life]:
        for sample, commits, strata in zip(self.samples, self._offsets, self._strata, strict=True):
            for number, sort in enumerate(sample.sorts):
                if which(sort):
                    yield from self._of(sample, number, commits, strata)

    def _of(self, sample: Sample, sort: int, commits: int, strata: int) -> Iterable[Life]:
        """Asked for again and again, so they are held as long as there is room."""
        if not self._is_small:
            return sample.lives(sort, commits, strata)
        held = self._held.get((commits, sort))
        if held is None:
            held = self._held[commits, sort] = list(sample.lives(sort, commits, strata))
        return held

    def made(self, which: Which) -> Made:
        """All together."""
        total = Made()
        for sample in self.samples:
            for sort, made in zip(sample.sorts, sample.made, strict=True):
                if which(sort):
                    total.commits += made.commits
                    total.added += made.added
                    total.deleted += made.deleted
                    total.reverted += made.reverted
                    total.fixed += made.fixed
                    total.cycles += made.cycles
        return total

    def is_over(self, life: Life) -> bool:
        """Whether its 14 days were over when it was last looked at."""
        return self._seen[life.born] >= REWORK * DAY

    def survival(self, lives: Sequence[Life], counts: Sequence[Life] | None = None) -> Survival:
        """``counts``: the same lives as they were counted, where ``lives`` are weighted."""
        curve, commits = kaplan_meier(lives), effective(lives)
        days = _days(curve)
        asked = sorted({*days, *(day for day in HORIZONS if curve.at(day * DAY) is not None)})
        points: dict[int, Point] = {}
        for day, variance in zip(asked, variances(curve, lives, [day * DAY for day in asked]), strict=True):
            share = curve.at(day * DAY) or 0.0
            low, high = interval(share, variance, commits)
            points[day] = Point(day=day, share=share, low=low, high=high)
        rests = _rests(lives if counts is None else counts)
        s14, s30, s90 = (_share(points.get(day), rests) for day in HORIZONS)
        return Survival(
            s14=s14,
            s30=s30,
            s90=s90,
            rework14=self._rework(lives, counts),
            curve=[points[day] for day in days],
        )

    def _rework(self, lives: Sequence[Life], counts: Sequence[Life] | None) -> Share:
        over = [life for life in lives if self.is_over(life)]
        rests = _rests(over if counts is None else [life for life in counts if self.is_over(life)])
        return ratio(over, rests, lambda life: life.ended >= 0 and life.time <= REWORK * DAY)


def _days(curve: Curve) -> list[int]:
    """Those that anything is known of, up to the first without a line left."""
    found: list[int] = []
    for day in DAYS:
        share = curve.at(day * DAY)
        if share is None or (found and curve.at(found[-1] * DAY) == 0):
            break
        found.append(day)
    return found


def _share(point: Point | None, rests: Rests) -> Share:
    if point is None:
        return Share(share=None, low=None, high=None, lines=rests.lines, commits=rests.commits)
    return Share(share=point.share, low=point.low, high=point.high, lines=rests.lines, commits=rests.commits)


def _rests(lives: Iterable[Life]) -> Rests:
    lines, commits = 0.0, set[int]()
    for life in lives:
        lines += life.lines
        commits.add(life.born)
    return Rests(round(lines), len(commits))


def ratio(lives: Sequence[Life], rests: Rests, is_one: Callable[[Life], bool]) -> Share:
    """Share of the lines that are one; its variance is that of a ratio of two sums, clustered."""
    total = sum(life.lines for life in lives)
    if not total:
        return _share(None, rests)
    share = sum(life.lines for life in lives if is_one(life)) / total
    variance = clustered(
        (life.born, life.ended if one else -1, life.lines * (one - share) / total)
        for life in lives
        for one in (is_one(life),)
    )
    low, high = interval(share, variance, effective(lives))
    return Share(share=share, low=low, high=high, lines=rests.lines, commits=rests.commits)


def of_commits(count: int, commits: int) -> Share:
    """Commits are taken for independent: Wilson's interval, with Student's quantile."""
    if not commits:
        return Share(share=None, low=None, high=None, lines=0, commits=0)
    share = count / commits
    low, high = interval(share, share * (1 - share) * (commits - 1) / commits**2, commits)
    return Share(share=share, low=low, high=high, lines=0, commits=commits)


# -- groups ------------------------------------------------------------------------------


def group(pool: Pool, name: str, which: Which) -> Group:
    lives, made = list(pool.lives(which)), pool.made(which)
    alive = round(sum(life.lines for life in lives if life.ended < 0))
    return Group(
        name=name, commits=made.commits, added=made.added, alive=alive, died=made.added - alive,
        survival=pool.survival(lives), deleted=made.deleted,
        churn_ratio=made.deleted / made.added if made.added else None,
        reverts=made.reverted, reverted=of_commits(made.reverted, made.commits),
        fixes=made.fixed, fixed=of_commits(made.fixed, made.commits), cycle=cycle(made.cycles),
    )  # fmt: skip


def cycle(minutes: Iterable[int]) -> Cycle | None:
    ordered = sorted(minutes)
    if not ordered:
        return None
    at = [ordered[ceil(share * len(ordered)) - 1] / 60 for share in (0.5, 0.85)]
    return Cycle(merges=len(ordered), median_hours=at[0], p85_hours=at[1])


# -- matching ----------------------------------------------------------------------------


def comparison(pool: Pool, of: str, which: Which, beside: str, other: Which) -> Comparison | None:
    """None where no line of the one has a line of the other like it."""
    ones, others = list(pool.lives(which)), [life for life in pool.lives(other) if life.stratum != BEFORE]
    have, want = _lines(others), _lines(ones)
    like = [life for life in ones if life.stratum in have]
    matched = [life for life in others if life.stratum in want]
    if not like:
        return None
    weights = {stratum: lines / have[stratum] for stratum, lines in want.items() if stratum in have}
    weighted = [life._replace(lines=life.lines * weights[life.stratum]) for life in matched]
    compared, beside_them = pool.survival(like), pool.survival(weighted, matched)
    found = hazard_ratio(like, matched)
    return Comparison(
        of=of, beside=beside, compared=compared, matched=beside_them,
        of_lines=round(sum(want.values())), of_matched=round(sum(life.lines for life in like)),
        hazard_ratio=None if found is None else Ratio(
            ratio=found.ratio, low=found.low, high=found.high if isfinite(found.high) else None
        ),
        is_few=compared.s14.is_few or beside_them.s14.is_few,
    )  # fmt: skip


def _lines(lives: Iterable[Life]) -> dict[int, float]:
    """By stratum."""
    found: defaultdict[int, float] = defaultdict(float)
    for life in lives:
        found[life.stratum] += life.lines
    return found
