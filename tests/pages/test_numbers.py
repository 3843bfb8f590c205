from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.pages import numbers


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "-"), (0, 5, "0 %"), (5, 5, "100 %"), (1, 10_000, "under 0.1 %"), (9_999, 10_000, "over 99.9 %"),
        (1, 3, "33 %"), (1, 30, "3.3 %"), (994, 1000, "99.4 %"),
    ],
)  # fmt: skip
def test_shares(part: int, whole: int, said: str) -> None:
    assert numbers.share(part, whole) == said


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=1, max_value=10**9))
def test_nothing_and_all_are_only_said_of_nothing_and_all(part: int, rest: int) -> None:
    assert numbers.share(part, part + rest) not in ("0 %", "0.0 %", "100 %", "100.0 %")


@pytest.mark.parametrize(
    ("micros", "said"),
    [
        (0, "$0"), (50_000_000, "$50"), (5_000, "$0.005"), (1_500_000, "$1.5"), (20_000_000_000, "$20 k"),
        (2_500_000_000_000, "$2.50 M"),
    ],
)  # fmt: skip
def test_ticks_of_money(micros: float, said: str) -> None:
    assert numbers.dollars_tick(micros) == said


def test_lists_and_counts() -> None:
    assert [numbers.listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert (numbers.counted(1, "call"), numbers.counted(4585, "call")) == ("1 call", "4,585 calls")
    assert numbers.counted(2, "line or file", "lines or files") == "2 lines or files"


def test_what_was_not_said_and_what_turns_text_around() -> None:
    assert numbers.name("") == "not said"
    assert numbers.name("a\u202eb\nc") == "a b c"
