"""What the files may say, what a broken one does, and that the tightest wins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.errors import Damaged
from meshclaw.guard import limits as module
from meshclaw.guard.limits import (
    DEFAULT,
    SPANS,
    UNLIMITED,
    Limits,
    RunWindow,
    Window,
    each,
    load,
    parse,
    tightest,
)

numbers = st.integers(0, 50) | st.just(UNLIMITED)
windows = dict.fromkeys(Window.__struct_fields__, numbers)
any_limits = st.builds(
    Limits,
    run=st.builds(RunWindow, **dict.fromkeys(RunWindow.__struct_fields__, numbers)),
    hour=st.builds(Window, **windows),
    day=st.builds(Window, **windows),
)


def test_no_file_means_the_careful_default(tmp_path: Path) -> None:
    assert load(tmp_path / "limits.toml") == DEFAULT
    assert all(number < UNLIMITED for _, _, number in each(DEFAULT))


def test_the_file_in_the_docstring_is_understood_and_stands_over_the_default(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("[limits.run]" + (module.__doc__ or "").partition("[limits.run]")[2].partition("\n\n")[0])
    own = load(path)
    assert (own.run.recipients, own.run.identical, own.hour.money, own.day.deploys) == (20, 10, 25_000_000, 3)
    assert (own.run.calls, own.day.money) == (DEFAULT.run.calls, DEFAULT.day.money)


def test_the_person_may_raise_the_default_and_the_ceiling_still_wins(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("[limits.day]\ncalls = 9000\nreads = 7\n")
    ceiling = parse(tomllib.loads("[day]\ncalls = 4000\nreads = 8\n"), "ceiling.toml")
    both = tightest(load(path), ceiling)
    assert (both.day.calls, both.day.reads, both.hour) == (4000, 7, DEFAULT.hour)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[limits.week]\ncalls = 1", "week"),
        ("[limits.run]\ncall = 1", "call"),
        ("[limits.hour]\nidentical = 1", "identical"),
        ("[limits.day]\ncalls = -1", "calls"),
        ("[limits.day]\ncalls = 1.5", "calls"),
        ("[limits.day]\ncalls = nan", "calls"),
        ("[limits.day]\nmoney = '5 dollars'", "money"),
        ("[limits.day]\ncalls = true", "calls"),
        ("[limits.day]\ncalls = 9223372036854775808", "calls"),
        ("[run]\ncalls = 1", "run"),
        ("limits = 3", "limits"),
        ("[limits.run", ""),
        ("\udcff", ""),
    ],
)
def test_a_file_that_cannot_be_understood_stops_everything(tmp_path: Path, text: str, names: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Damaged, match="nothing runs") as error:
        load(path)
    assert names in error.value.message
    assert str(path) in error.value.message


def test_the_page_names_the_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "budget.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .*? \| ([\d,]*) \| ?([\d,]*) \| ?([\d,]*) \|$", page, re.MULTILINE)
    told = {
        (span, name): int(number.replace(",", ""))
        for name, *numbers in rows
        for span, number in zip(SPANS, numbers, strict=True)
        if number
    }
    assert told == {(span, name): number for span, name, number in each(DEFAULT)}


@given(any_limits, any_limits, any_limits)
def test_the_tightest_does_not_depend_on_the_order(a: Limits, b: Limits, c: Limits) -> None:
    assert tightest(a, b, c) == tightest(c, a, b) == tightest(tightest(b, c), a)
    assert tightest(a, a) == a == tightest(a, Limits())
    assert all(low <= high for (_, _, low), (_, _, high) in zip(each(tightest(a, b)), each(a), strict=True))
