"""When two lines are the same one, and that a digest without the key tells nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.written import digests, normalised

KEY = b"of this device"


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("    return  X\t+ 1  ", "return x + 1"),
        ('say("hello")', "say('hello')"),
        ("say(“hello”)", "say('hello')"),
        ("say(`hello`)", "say('hello')"),
        ("}", ""),
        ("  );  ", ""),
        ("abc", ""),
        ("abcd", "abcd"),
        ("", ""),
        ("x" * 1000, "x" * 1000),
        ("x" * 1001, ""),
    ],
)
def test_what_makes_lines_the_same(line: str, same: str) -> None:
    assert normalised(line) == same


@given(st.lists(st.text()))
def test_digests_are_of_distinct_lines_that_count(lines: list[str]) -> None:
    found = digests(lines, KEY)
    assert len(found) == len({same for line in lines if (same := normalised(line))})
    assert all(len(one) == 8 for one in found)
    assert found == digests(
        [*lines, *(line.upper() for line in lines if line.upper().lower() == line.lower())], KEY
    )
    assert not found & digests(lines, b"of another one")
