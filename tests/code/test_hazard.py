"""The hazard ratio: equal to lifelines', its algebra, and what it says where there is nothing to say."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.code.hazard import hazard_ratio
from meshclaw.code.survival import Life, kaplan_meier

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandas as pd
    from lifelines import CoxPHFitter, KaplanMeierFitter


def generated(
    seed: int, *, ratio: float, count: int = 120, distinct: bool = True
) -> tuple[list[Life], list[Life]]:
    """Pieces of commits in three strata of their own pace; ``distinct`` times have no ties."""
    rng = random.Random(seed)
    times = rng.sample(range(1, 100_000), count) if distinct else [rng.randint(1, 30) for _ in range(count)]
    sorts: tuple[list[Life], list[Life]] = ([], [])
    for number, time in enumerate(times):
        commit = number // 4
        is_one, stratum = commit % 2, number % 3
        lived = round(time / (ratio if is_one else 1) * (1 + stratum))
        ended = number if rng.random() < 0.7 else -1
        sorts[1 - is_one].append(Life(lived, rng.randint(1, 9), commit, ended, stratum))
    return sorts


def frame(ones: Sequence[Life], others: Sequence[Life]) -> pd.DataFrame:
    rows = [
        {"time": life.time, "died": int(life.ended >= 0), "x": x, "stratum": life.stratum, "lines": life.lines,
         "commit": life.born}
        for x, lives in ((1, ones), (0, others)) for life in lives
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_ratio_and_clustered_error_are_those_of_lifelines(seed: int, ratio: float) -> None:
    """Without ties Breslow's likelihood and Efron's, the only one it has, are the same."""
    ones, others = generated(seed, ratio=ratio)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = CoxPHFitter().fit(
            frame(ones, others), "time", "died", weights_col="lines", strata=["stratum"], cluster_col="commit",
            formula="x", fit_options={"precision": 1e-12},
        )  # fmt: skip
    ours = hazard_ratio(ones, others)
    assert ours is not None
    assert log(ours.ratio) == pytest.approx(fitted.params_["x"], abs=1e-6)
    assert ours.log_error == pytest.approx(fitted.standard_errors_["x"], rel=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_and_greenwoods_error_are_those_of_lifelines(seed: int) -> None:
    ones, others = generated(seed, ratio=1, count=300, distinct=False)
    lives = ones + others
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = KaplanMeierFitter().fit(
            [life.time for life in lives],
            [life.ended >= 0 for life in lives],
            weights=[life.lines for life in lives],
        )
    curve = kaplan_meier(lives)
    for time in (1, 7, 14, 30):
        assert curve.at(time) == pytest.approx(float(fitted.predict(time)), abs=1e-9)
    theirs = fitted._cumulative_sq_.loc[:30].iloc[-1].item()
    assert curve.greenwood_at(30) == pytest.approx((curve.at(30) or 0) ** 2 * theirs, rel=1e-9)


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_order_and_splitting_change_nothing(rng: random.Random, seed: int) -> None:
    ones, others = generated(seed, ratio=2, distinct=False)
    halves = [
        [life._replace(lines=life.lines / 2) for life in lives for _ in range(2)] for lives in (ones, others)
    ]
    for half in halves:
        rng.shuffle(half)
    found, again = hazard_ratio(ones, others), hazard_ratio(*halves)
    assert found is not None
    assert again is not None
    assert again.ratio == pytest.approx(found.ratio)
    assert (again.low, again.high) == pytest.approx((found.low, found.high))


@pytest.mark.parametrize("seed", range(3))
def test_the_other_way_round_it_is_the_inverse(seed: int) -> None:
    ones, others = generated(seed, ratio=2, distinct=False)
    found, inverse = hazard_ratio(ones, others), hazard_ratio(others, ones)
    assert found is not None
    assert inverse is not None
    assert found.ratio * inverse.ratio == pytest.approx(1)
    assert found.low * inverse.high == pytest.approx(1)


def test_the_interval_holds_a_known_ratio() -> None:
    """Four commits in a hundred or so may miss it: 95 % of 100, within three standard errors."""
    held = 0
    for seed in range(100):
        found = hazard_ratio(*known(random.Random(seed)))
        assert found is not None
        held += found.low <= 2 <= found.high
    assert held >= 88


def known(rng: random.Random) -> tuple[list[Life], list[Life]]:
    """Commits whose lines die together, those of the ones at twice the rate; two strata."""
    sorts: tuple[list[Life], list[Life]] = ([], [])
    for commit in range(80):
        is_one, stratum = rng.random() < 0.5, commit % 2
        time = int(rng.expovariate((2 if is_one else 1) * (1 + stratum) / 1000))
        seen = rng.randint(200, 1500)
        life = Life(min(time, seen), rng.randint(1, 40), commit, commit if time <= seen else -1, stratum)
        sorts[0 if is_one else 1].append(life)
    return sorts


@pytest.mark.parametrize(
    ("ones", "others"),
    [
        ([], []),
        ([Life(5, 9, 0, 0)], []),
        ([Life(5, 9, 0, 0, 1)], [Life(5, 9, 1, 1, 2)]),
        ([Life(5, 9, 0, -1)], [Life(3, 9, 1, -1)]),
        ([Life(5, 9, 0, 0), Life(9, 1, 2, -1)], [Life(9, 9, 1, -1)]),
        ([Life(5, 9, 0, -1)], [Life(3, 9, 1, 1), Life(7, 1, 3, -1)]),
        ([Life(time, 1, time, time) for time in range(1, 5)], [Life(9, 9, 9, 9), Life(9, 9, 10, -1)]),
    ],
)
def test_where_nothing_can_be_compared_there_is_no_ratio(ones: list[Life], others: list[Life]) -> None:
    assert hazard_ratio(ones, others) is None
