"""Intervals are Wilson's, and nothing pending counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.event.mail import OutcomeObserved
from meshclaw.flow.outcome import OutcomeState
from meshclaw.outcomes.count import count, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # Wilson score intervals at 95 %, from published tables (Newcombe 1998, table I, method 3)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share_and_stays_between_0_and_1(successes: int, failures: int) -> None:
    trials = successes + failures
    low, high = wilson(successes, trials)
    assert 0 <= low <= high <= 1
    if trials:
        assert low - 1e-12 <= successes / trials <= high + 1e-12
    else:
        assert (low, high) == (0, 1)


def observed(state: OutcomeState) -> OutcomeObserved:
    return OutcomeObserved(external_id="x", message="m", state=state, category="bulk", evidence="e")


def test_shares_are_of_the_settled_and_pending_or_ignored_count_for_nothing() -> None:
    facts = [
        observed("stood"),
        observed("stood"),
        observed("undone"),
        observed("edited"),
        observed("ignored"),
    ]
    [row] = count(facts, pending=["bulk"] * 50)
    assert (row.settled, row.ignored, row.pending) == (4, 1, 50)
    assert (row.stood.share, row.edited.share, row.undone.share) == (0.5, 0.25, 0.25)


def test_a_category_that_nothing_happened_to_has_no_share() -> None:
    [row] = count([], pending=["act"])
    assert (row.category, row.settled, row.stood.share) == ("act", 0, None)
