from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.pages.scale import MOST_BINS, bins, labelled, ticks

DAYS = st.dates(min_value=date(1970, 1, 1), max_value=date(2200, 1, 1))


@pytest.mark.parametrize(
    ("most", "steps"),
    [
        (0, [0]), (-5, [0]), (1, [0, 0.5, 1]), (4, [0, 1, 2, 3, 4]), (122.57, [0, 50, 100, 150]),
        (99, [0, 50, 100]), (0.012, [0, 0.005, 0.01, 0.015]), (2e9, [0, 5e8, 1e9, 1.5e9, 2e9]),
    ],
)  # fmt: skip
def test_steps_are_round_and_few(most: float, steps: list[float]) -> None:
    assert ticks(most) == pytest.approx(steps)


@given(st.floats(min_value=1e-9, max_value=1e18))
def test_the_last_step_is_never_below_the_most_and_not_far_above(most: float) -> None:
    steps = ticks(most)
    assert most <= steps[-1] * (1 + 1e-9)
    assert steps[-1] <= most * 2.5
    assert 3 <= len(steps) <= 6


@given(st.sets(DAYS, min_size=1, max_size=30))
def test_every_day_is_in_exactly_one_bin_and_bins_have_no_gaps(days: set[date]) -> None:
    found = bins(days)
    assert all(sum(one.first <= day <= one.last for one in found) == 1 for day in days)
    assert all(after.first - before.last == timedelta(days=1) for before, after in pairwise(found))
    assert len(found) <= MOST_BINS + 3 or found[0].unit == "year"
    assert len({one.unit for one in found}) == 1


@pytest.mark.parametrize(
    ("last", "unit", "count"),
    [
        (date(2026, 1, 5), "day", 1), (date(2026, 3, 7), "day", 62), (date(2026, 3, 8), "week", 9),
        (date(2027, 3, 7), "week", 61), (date(2027, 3, 15), "month", 15), (date(2040, 1, 1), "year", 15),
    ],
)  # fmt: skip
def test_days_are_put_together_until_they_fit(last: date, unit: str, count: int) -> None:
    found = bins([date(2026, 1, 5), last])
    assert (found[0].unit, len(found)) == (unit, count)


def test_bins_are_named_in_full_and_labelled_in_short() -> None:
    [one] = bins([date(2026, 4, 9)])
    assert (one.name, one.label) == ("Thu 9 April 2026", "9 Apr")
    assert bins([date(2026, 4, 9), date(2026, 9, 9)])[0].name == "week of 6 April 2026"
    assert bins([]) == []


@given(st.integers(min_value=0, max_value=5_000))
def test_few_labels(count: int) -> None:
    assert len(labelled(count)) <= 5
    assert (0 in labelled(count)) == (count > 0)
