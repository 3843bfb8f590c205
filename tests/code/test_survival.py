"""Survival arithmetic: exact where lifetimes are known, honest where lines come and go together."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.code.survival import (
    Life,
    clustered,
    effective,
    interval,
    kaplan_meier,
    quantile,
    variance_at,
)

lives_ = st.lists(
    st.builds(
        Life,
        time=st.integers(0, 40), lines=st.integers(1, 30), born=st.integers(0, 6), ended=st.integers(-1, 5),
        stratum=st.just(0),
    ),
    min_size=1, max_size=25,
)  # fmt: skip


def died(time: int, lines: float, commit: int, by: int | None = None) -> Life:
    return Life(time, lines, commit, commit if by is None else by)


def alive(time: int, lines: float, commit: int) -> Life:
    return Life(time, lines, commit, -1)


def test_without_censoring_it_is_the_share_that_is_left() -> None:
    curve = kaplan_meier([died(5, 10, 0), died(14, 30, 1), died(90, 20, 2), alive(400, 40, 3)])
    assert [curve.at(day) for day in (0, 4, 5, 13, 14, 30, 90, 400)] == [
        1.0, 1.0, 0.9, 0.9, pytest.approx(0.6), pytest.approx(0.6), pytest.approx(0.4), pytest.approx(0.4),
    ]  # fmt: skip


def test_lines_last_seen_before_a_death_are_not_at_risk_of_it() -> None:
    """4 of 10 die on day 2; 3 are last seen on day 3; 1 of the 3 that are left dies on day 5."""
    curve = kaplan_meier([died(2, 4, 0), alive(3, 3, 1), died(5, 1, 2), alive(5, 2, 3)])
    assert curve.at(5) == pytest.approx(0.6 * 2 / 3)


def test_beyond_what_was_seen_nothing_is_known() -> None:
    assert kaplan_meier([died(2, 4, 0), alive(20, 3, 1)]).at(21) is None
    assert kaplan_meier([died(2, 4, 0)]).at(1000) == 0.0
    assert kaplan_meier([]).at(0) is None


@given(lives_)
def test_over_single_lines_the_squares_add_up_to_greenwood(lives: list[Life]) -> None:
    singles = [
        Life(life.time, 1, number, number if life.ended >= 0 else -1)
        for number, life in enumerate(life for life in lives for _ in range(int(life.lines)))
    ]
    curve = kaplan_meier(singles)
    for time in (0, 7, 20, curve.last):
        if curve.at(time) is not None:
            assert variance_at(curve, singles, time) == pytest.approx(curve.greenwood_at(time), abs=1e-12)


@given(lives_, st.randoms(use_true_random=False), st.integers(0, 40))
def test_order_and_splitting_change_nothing(lives: list[Life], rng: random.Random, time: int) -> None:
    curve = kaplan_meier(lives)
    halves = [life._replace(lines=part) for life in lives for part in (life.lines / 4, life.lines * 3 / 4)]
    rng.shuffle(halves)
    again = kaplan_meier(halves)
    assert again.times == curve.times
    assert again.share == pytest.approx(curve.share, abs=1e-9)
    assert variance_at(again, halves, time) == pytest.approx(variance_at(curve, lives, time), abs=1e-9)
    assert effective(halves) == pytest.approx(effective(lives))


@given(lives_)
def test_a_share_only_falls_and_stays_a_share(lives: list[Life]) -> None:
    curve = kaplan_meier(lives)
    assert all(
        0 <= later <= earlier <= 1 for earlier, later in zip([1.0, *curve.share], curve.share, strict=False)
    )
    for time in (0, 14, 40):
        share = curve.at(time)
        if share is not None:
            low, high = interval(share, variance_at(curve, lives, time), effective(lives))
            assert 0 <= low <= share + 1e-9
            assert share - 1e-9 <= high <= 1


def test_lines_with_the_same_fate_say_no_more_than_their_commits() -> None:
    """Nobody died of ten thousand lines: that is ten commits, so half of the next ones might."""
    low, high = interval(1.0, 0.0, 10)
    assert high == 1.0
    assert 0.5 < low < 0.75
    assert interval(0.5, 0.01, 1.0) == (0.0, 1.0)


def test_what_moves_together_adds_up_before_it_is_squared() -> None:
    assert clustered([(0, -1, 1.0), (0, -1, 2.0), (1, -1, 4.0)]) == 9 + 16
    assert clustered([(0, 7, 1.0), (1, 7, 2.0), (2, 8, 4.0)]) == 1 + 4 + 16 + 2 * 1 * 2


@pytest.mark.parametrize(
    ("freedom", "value"), [(3, 3.1824), (5, 2.5706), (10, 2.2281), (30, 2.0423), (1e9, 1.95996)]
)
def test_the_quantile_is_that_of_the_tables(freedom: float, value: float) -> None:
    assert quantile(freedom) == pytest.approx(value, abs=0.01)


# -- coverage ----------------------------------------------------------------------------

DAY = 14
REPEATS = 200
Generated = Callable[[random.Random, int, float], list[Life]]


def commits(rng: random.Random, count: int, spread: float) -> list[Life]:
    """Each commit in three pieces that die apart, at a rate of the commit's own; sizes are log-normal."""
    found: list[Life] = []
    for commit in range(count):
        size, seen = max(1, round(exp(rng.gauss(2.5, spread)))), rng.randint(5, 40)
        rate = rng.gammavariate(0.5, 2) / 40
        for piece in range(3):
            time = int(rng.expovariate(max(rate, 1e-9)))
            found.append(
                Life(min(time, seen), max(1, size // 3), commit, 3 * commit + piece if time <= seen else -1)
            )
    return found


def sweeps(rng: random.Random, count: int, spread: float) -> list[Life]:
    """A commit a day; one day in ten a rewrite ends the lines of three commits in ten of those that still live."""
    rewrites = [day for day in range(count + 1) if rng.random() < 0.1]
    found: list[Life] = []
    for commit in range(count):
        until = min(count, commit + 41)
        size = max(1, round(exp(rng.gauss(2.5, spread))))
        end = next((day for day in rewrites if commit < day <= until and rng.random() < 0.3), -1)
        found.append(Life((until if end < 0 else end) - commit, size, commit, end))
    return found


def covered(generate: Generated, truth: float, spread: float) -> tuple[float, float]:
    """How often the clustered interval, and one by Greenwood, hold the truth."""
    ours = theirs = 0
    for seed in range(REPEATS):
        lives = generate(random.Random(seed), 150, spread)
        curve = kaplan_meier(lives)
        share = curve.at(DAY)
        assert share is not None
        low, high = interval(share, variance_at(curve, lives, DAY), effective(lives))
        ours += low <= truth <= high
        low, high = interval(share, curve.greenwood_at(DAY), 1e9)
        theirs += low <= truth <= high
    return ours / REPEATS, theirs / REPEATS


@pytest.mark.parametrize(
    ("generate", "truth"),
    [
        pytest.param(commits, (1 + 2 * (DAY + 1) / 40) ** -0.5, id="commits"),
        pytest.param(sweeps, (1 - 0.1 * 0.3) ** DAY, id="sweeps"),
    ],
)
@pytest.mark.parametrize("spread", [0.5, 1.2])
def test_the_clustered_interval_covers_and_greenwoods_does_not(
    generate: Generated, truth: float, spread: float
) -> None:
    """150 commits: near 95 %, a little less where few commits hold most of the lines and few rewrites end them."""
    ours, theirs = covered(generate, truth, spread)
    assert 0.88 <= ours <= 0.99
    assert theirs < 0.6
