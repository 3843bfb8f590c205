"""When what is seen is news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.watch import Kind, Path, Seen, When
from meshclaw.triggers import pattern
from meshclaw.triggers.watching import News, State, Watched, could_not_look, holds, saw

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def watch(kind: Kind = "fails", **more: object) -> Watched:
    usual = {"id": "w", "name": "w", "look": Path(path="/x"), "when": When(kind=kind), "cooldown_s": 0}
    return Watched(**{**usual, **more})  # type: ignore[arg-type]


def play(one: Watched, marks: str, *, every: timedelta = MINUTE, quiet: str = "") -> str:
    """``marks``: one look each; ``x`` fails, ``?`` could not be made. A letter for each: f(ired), l(ost), b(ack)."""
    state, told = State(), ""
    for at, mark in enumerate(marks):
        news: News
        if mark == "?":
            state, news = could_not_look(one, state)
        else:
            seen = Seen(ok=mark != "x", mark=mark, words=mark)
            is_quiet = quiet[at : at + 1] == "q"
            state, news = saw(
                one, state, seen, START + every * at, held=holds(one.when, seen), quiet=is_quiet
            )
        told += news[:1] or "."
    return told


@pytest.mark.parametrize(
    ("one", "marks", "told"),
    [
        (watch(), "o", "."),
        (watch(), "x", "."),
        (watch(), "xxx", "..."),
        (watch(), "ox", ".f"),
        (watch(), "oxxx", ".f.."),
        (watch(), "oxox", ".f.f"),
        (watch(), "xox", "..f"),
        (watch("works"), "xox", ".f."),
        (watch("changed"), "aab", "..f"),
        (watch("changed"), "abba", ".f.f"),
        (watch(steady=2), "oxoxx", "....f"),
        (watch("changed", steady=2), "abcc", "...f"),
        (watch(), "o???x", "...lf"),
        (watch(), "o???o", "...lb"),
        (watch(), "o??o??o", "......."),
        (watch(), "???????", "..l...."),
    ],
)
def test_a_change_is_news_and_nothing_else(one: Watched, marks: str, told: str) -> None:
    assert play(one, marks) == told


def test_what_came_in_the_cooldown_is_told_after_it_if_it_still_holds() -> None:
    one = watch("changed", cooldown_s=180)
    assert play(one, "abcccccc") == ".f...f.." or play(one, "abcccccc") == ".f..f..."
    assert play(watch(cooldown_s=600), "oxox" + "o" * 20) == ".f" + "." * 22


def test_what_flaps_is_told_less_and_less_often() -> None:
    one = watch(cooldown_s=60)
    fires = [at for at, news in enumerate(play(one, "ox" * 300)) if news == "f"]
    gaps = [b - a for a, b in pairwise(fires)]
    assert gaps[:5] == sorted(gaps[:5])
    assert max(gaps) >= 32
    assert len(fires) < 40
    calm = play(one, "ox" + "o" * 100 + "xo" * 2)
    assert calm.count("f") >= 2


def test_quiet_hours_hold_it_back_and_lose_it_not() -> None:
    assert play(watch(), "oxxxx", quiet=" qqq ") == "....f"
    assert play(watch(), "oxxoo", quiet=" qqq ") == "....."


@given(marks=st.text("ox", min_size=1, max_size=60), steady=st.integers(1, 3))
def test_fires_are_never_more_than_changes(marks: str, steady: int) -> None:
    fires = play(watch(steady=steady), marks).count("f")
    assert fires <= sum(a == "o" and b == "x" for a, b in pairwise(marks))


def test_a_clock_set_back_puts_no_watch_to_sleep() -> None:
    one = watch("changed", cooldown_s=300)
    state = State(known=True, told="a", words="a", fired=(START + timedelta(days=400)).isoformat(), fires=1)
    state, news = saw(one, state, Seen(mark="b", words="b"), START, held=False)
    assert news == "fired"


@pytest.mark.parametrize(
    ("when", "seen", "held"),
    [
        (When(kind="over", number=5), Seen(value=6, words=""), True),
        (When(kind="over", number=5), Seen(value=5, words=""), False),
        (When(kind="over", number=5), Seen(words=""), False),
        (When(kind="under", number=5), Seen(value=4, words=""), True),
        (When(kind="under", number=5), Seen(words=""), False),
        (When(kind="works"), Seen(words=""), True),
        (When(kind="matches", pattern="^ERR"), Seen(words="", text="fine\nERROR"), True),
        (When(kind="matches", pattern="ERR"), Seen(words="", text="fine"), False),
    ],
)
def test_what_holds(when: When, seen: Seen, held: bool) -> None:
    assert holds(when, seen) is held


@pytest.mark.parametrize(
    "wrong",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(a?){30}a{30}",
        "a?" * 30,
        ".*.*.*x",
        "([a-z]+ )*x",
        "(",
        r"(a)(\1)+",
    ],
)
def test_a_pattern_that_some_text_could_keep_busy_is_refused(wrong: str) -> None:
    assert pattern.problem(wrong)


@pytest.mark.parametrize(
    "right", ["ERROR", r"^\s*failed.*timeout", r"(up|down): \d+", r"status: \w+ \d{3}", "(ab)+c"]
)
def test_ordinary_patterns_are_taken(right: str) -> None:
    assert not pattern.problem(right)


def test_the_worst_that_is_taken_ends_soon() -> None:
    import time

    began = time.process_time()
    assert not pattern.found("a*a*$b", "\n".join(["a" * 4_000] * 500))
    assert not pattern.found("a*$b", "\n".join(["a" * 4_000] * 500))
    assert time.process_time() - began < 20
