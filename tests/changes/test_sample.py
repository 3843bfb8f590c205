"""A history boiled down: every line in one row, by its fate and its sort."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.changes.sample import BEFORE, LONG, Sample, Sort, language, packed, sample, size, unpacked
from tests.changes.histories import BOT, DAY, HUMAN, START, Making, ai, large

ROWS = ("born", "ended", "hours", "sort", "stratum", "lines")


def boiled(making: Making, **more: object) -> Sample:
    return sample(making.history, making.known(), name="repo", **more)  # type: ignore[arg-type]


def rows(found: Sample) -> list[tuple[int, ...]]:
    return sorted(zip(*(getattr(found.rows, name) for name in ROWS), strict=True))


def test_every_line_is_in_one_row() -> None:
    making = Making()
    first, second, last = making.commit(0), making.commit(2, ai()), making.commit(16)
    batch = making.add(first, 10)
    making.add(second, 4)
    making.end(batch, second, 3)
    found = boiled(making)
    human, claude = (
        found.sorts.index(Sort(origin=origin, tool=tool))
        for origin, tool in (("human", ""), ("ai", "claude-code"))
    )
    assert rows(found) == [
        (first, -1, 16 * 24, human, BEFORE, 7), (first, second, 48, human, BEFORE, 3),
        (second, -1, 14 * 24, claude, 0, 4),
    ]  # fmt: skip
    assert found.head == making.history.commits.sha[last]
    assert found.until == START + 16 * DAY
    assert found.made[human].added == 10
    assert found.made[human].deleted == 0
    assert (found.made[claude].added, found.made[claude].deleted) == (4, 3)
    assert list(found.seen) == [16 * 24, 14 * 24, 0]


def test_begun_hours_of_a_death_count_as_whole_ones_and_seen_hours_do_not() -> None:
    making = Making()
    first, second = making.commit(0), making.commit(1 + 1 / DAY)
    batch = making.add(first, 10)
    making.end(batch, second, 4)
    assert [(row[2], row[5]) for row in rows(boiled(making))] == [(24, 6), (25, 4)]


def test_no_line_dies_before_it_was_born() -> None:
    making = Making()
    first, second = making.commit(5), making.commit(3)
    batch = making.add(first, 10)
    making.end(batch, second, 4)
    found = boiled(making)
    assert [(row[2], row[5]) for row in rows(found)] == [(0, 6), (0, 4)]
    assert found.counts["clocks out of order"] == 1
    assert found.layers.by_origin["human"] == [6]


def test_respaced_lines_are_the_ones_they_were() -> None:
    making = Making()
    first, second, third = making.commit(0), making.commit(1, ai()), making.commit(2)
    batch = making.add(first, 10)
    making.add(second, 4, root=batch)
    making.end(batch, third, 1)
    found = boiled(making)
    assert sum(found.rows.lines) == 10
    assert {found.sorts[row[3]].origin for row in rows(found)} == {"human"}


def test_marked_lines_are_whose_the_mark_says() -> None:
    making = Making()
    commit = making.commit(0)
    making.add(commit, 10)
    making.add(commit, 4, mark=1)
    found = sample(making.history, making.known(marks=[ai("cursor")]), name="repo")
    lines = {found.sorts[row[3]].tool: row[5] for row in rows(found)}
    assert lines == {"": 10, "cursor": 4}
    assert BEFORE not in found.rows.stratum


def test_strata_are_language_age_and_size() -> None:
    making = Making()
    making.add(making.commit(0), 5, b"old.py")
    for day, path, lines in (
        (0, b"new.ts", 10),
        (10, b"old.py", 11),
        (100, b"old.py", 1000),
        (400, b"old.py", 1001),
    ):
        making.add(making.commit(day, ai()), lines, path)
    assert boiled(making).strata == [
        "ts, new file, up to 10 lines", "py, under 30 days, up to 100 lines", "py, under a year, up to 1000 lines",
        "py, a year or older, over 1000 lines",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"a/b.PY", "py"), (b"x.tsx", "ts"), (b"Makefile", "other"), (b".bashrc", "other"), (b"a.b/c", "other"),
        (b"x.\xff\xfe", "other"), (b"x." + b"y" * 40, "other"), (b"a\n.go", "go"),
    ],
)  # fmt: skip
def test_a_language_is_an_ending(path: bytes, name: str) -> None:
    assert language(path) == name


def test_sizes_have_their_bounds_inside() -> None:
    assert [size(lines) for lines in (1, 10, 11, 1000, 1001)] == [
        "up to 10 lines", "up to 10 lines", "up to 100 lines", "up to 1000 lines", "over 1000 lines",
    ]  # fmt: skip


def test_what_nobody_wrote_by_hand_stands_apart() -> None:
    making = Making()
    first, last = making.commit(0), making.commit(1)
    making.add(first, 10)
    lock = making.add(first, 500, b"uv.lock", kind="lock")
    making.add(first, 2, long=True)
    making.end(lock, last, 100)
    found = boiled(making)
    assert sum(found.rows.lines) == 10
    told = {kind: (one.files, one.added, one.alive) for kind, one in found.excluded.items()}
    assert told == {"lock": (1, 500, 400), LONG: (1, 2, 2)}
    every = boiled(making, every=True)
    assert sum(every.rows.lines) == 512
    assert every.excluded == {}


def test_since_leaves_out_older_lines_and_commits() -> None:
    making = Making()
    old = making.add(making.commit(0), 10)
    new = making.commit(40, ai())
    making.add(new, 5)
    making.end(old, new, 2)
    found = boiled(making, since=START + 20 * DAY)
    assert [(row[0], row[5]) for row in rows(found)] == [(new, 5)]
    assert [made.commits for made in found.made] == [0, 1]
    assert [made.deleted for made in found.made] == [0, 2]
    assert found.layers.by_origin == {"ai": [0, 5], "human": [10, 8]}


def test_layers_are_what_lives_at_the_end_of_each_month() -> None:
    making = Making()
    first = making.add(making.commit(-20), 10)
    second = making.commit(40, BOT)
    making.add(second, 5)
    making.end(first, making.commit(70), 4)
    found = boiled(making).layers
    assert found.months == ["2025-12", "2026-01", "2026-02", "2026-03"]
    assert found.by_origin == {"bot": [0, 0, 5, 5], "human": [10, 10, 10, 6]}
    assert found.by_year == {"2025": [10, 10, 10, 6], "2026": [0, 0, 5, 5]}


def test_a_clock_in_the_future_is_not_believed() -> None:
    making = Making()
    batch = making.add(making.commit(0), 10)
    making.end(batch, making.commit(9000), 1)
    found = boiled(making, now=START + 30 * DAY)
    assert found.until == START + 30 * DAY
    assert [row[2] for row in rows(found)][:1] == [30 * 24]
    assert found.layers.months == ["2026-01"]


def test_an_empty_history_is_an_empty_sample() -> None:
    found = boiled(Making())
    assert (found.commits, found.sorts, rows(found), found.layers.months) == (0, [], [], [])


def test_what_is_kept_is_the_same_when_it_comes_back() -> None:
    found = boiled(large(1, commits=50, batches=300, deaths=400))
    again = unpacked(packed(found))
    assert again == found
    assert rows(again) == rows(found)


@given(st.integers(0, 50))
def test_rows_add_up_to_the_history(seed: int) -> None:
    making = large(seed, commits=30, batches=80, deaths=120)
    found = boiled(making)
    assert (
        sum(found.rows.lines) == sum(making.history.batches.lines) == sum(made.added for made in found.made)
    )
    dead = sum(lines for lines, ended in zip(found.rows.lines, found.rows.ended, strict=True) if ended >= 0)
    assert dead == sum(making.history.deaths.lines) == sum(made.deleted for made in found.made)
    alive = sum(counts[-1] for counts in found.layers.by_origin.values())
    assert (
        alive == sum(counts[-1] for counts in found.layers.by_year.values()) == sum(found.rows.lines) - dead
    )


def test_no_name_is_in_it() -> None:
    """The nouns have no room for one: paths become languages, commits numbers."""
    making = Making()
    making.add(making.commit(0, HUMAN), 1, b"anna.schmidt/secret.py")
    assert b"anna" not in packed(boiled(making))
    import zlib

    assert b"anna" not in zlib.decompress(packed(boiled(making)))
