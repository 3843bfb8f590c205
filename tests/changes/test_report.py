"""Measures over generated histories whose lines live as long as the test says."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.changes.measures import cycle, of_commits
from meshclaw.changes.report import Report, Repository
from meshclaw.changes.reporting import report
from meshclaw.changes.sample import Sample, sample
from meshclaw.flow.attribution import Attribution
from tests.changes.histories import BOT, HUMAN, UNKNOWN, Making, ai, large, lifetimes


def boiled(making: Making, name: str = "repo", **known: object) -> Sample:
    return sample(making.history, making.known(**known), name=name)


def one(making: Making, **known: object) -> Repository:
    return report([boiled(making, **known)]).together


def test_shares_are_exact_where_lifetimes_are_known() -> None:
    """Of 100 lines of a tool 10 die on day 3, 30 on day 20 and 40 on day 60; all were seen for 90 days."""
    found = one(
        lifetimes([(0, ai(), 10, 3), (1, ai(), 30, 20), (2, ai(), 40, 60), (3, ai(), 20, None)], until=200)
    )
    group = found.by_origin["ai"]
    assert (group.commits, group.added, group.died, group.alive) == (4, 100, 80, 20)
    survival = group.survival
    assert [round(share.share or 0, 12) for share in (survival.s14, survival.s30, survival.s90)] == [
        0.9,
        0.6,
        0.2,
    ]
    assert survival.rework14.share == pytest.approx(0.1)
    assert found.by_tool["claude-code"] == msgspec.structs.replace(group, name="claude-code")


def test_a_line_that_dies_at_the_end_of_day_14_was_reworked() -> None:
    found = (
        one(lifetimes([(0, HUMAN, 10, 14), (0, HUMAN, 10, 14 + 1 / 24)], until=40))
        .by_origin["human"]
        .survival
    )
    assert found.s14.share == pytest.approx(0.5)
    assert found.rework14.share == pytest.approx(0.5)


def test_young_lines_count_for_as_long_as_they_were_seen() -> None:
    """4 of 10 lines are seen for 5 days only; 3 of the other 6 die on day 10: half of those then at risk."""
    found = one(lifetimes([(0, HUMAN, 3, 10), (0, HUMAN, 3, None), (35, HUMAN, 4, None)], until=40))
    survival = found.by_origin["human"].survival
    assert survival.s14.share == pytest.approx(0.5)
    assert (survival.rework14.share, survival.rework14.lines) == (pytest.approx(0.5), 6)
    assert survival.s90.share is None
    assert any("No line of human was seen for 90 days" in caveat.text for caveat in found.caveats)


def test_origins_are_separate() -> None:
    plan = [
        (0, HUMAN, 10, 5),
        (1, ai(), 20, None),
        (2, BOT, 30, 5),
        (3, UNKNOWN, 40, None),
        (4, ai("cursor"), 5, None),
    ]
    found = one(lifetimes(plan, until=120))
    assert {name: group.added for name, group in found.by_origin.items()} == {
        "human": 10, "ai": 25, "bot": 30, "unknown": 40,
    }  # fmt: skip
    assert {name: group.added for name, group in found.by_tool.items()} == {"claude-code": 20, "cursor": 5}
    assert found.by_origin["human"].survival.s14.share == 0.0
    assert found.by_origin["unknown"].survival.s90.share == 1.0


def test_both_churns_are_themselves() -> None:
    making = Making()
    batch = making.add(making.commit(0), 100)
    second = making.commit(1, ai())
    making.add(second, 50)
    making.end(batch, second, 25)
    making.commit(60)
    found = one(making)
    assert found.by_origin["ai"].churn_ratio == 0.5
    assert found.by_origin["human"].churn_ratio == 0.0
    assert found.by_origin["human"].survival.s14.share == 0.75


def test_reverts_and_fixes_are_of_the_commits_that_suffered_them() -> None:
    making = Making()
    commits = [making.commit(number, ai() if number % 2 else HUMAN) for number in range(20)]
    shas = [making.history.commits.sha[commit] for commit in commits]
    found = one(
        making, reverted={shas[1], shas[3], shas[4]}, fixed={shas[2]}, cycles={shas[1]: 7200, shas[3]: 3600}
    )
    assert (found.by_origin["ai"].reverts, found.by_origin["human"].reverts) == (2, 1)
    assert found.by_origin["ai"].reverted.share == 0.2
    assert (found.by_origin["ai"].fixes, found.by_origin["human"].fixes) == (0, 1)
    took = found.by_origin["ai"].cycle
    assert took is not None
    assert (took.merges, took.median_hours, took.p85_hours) == (2, 1.0, 2.0)
    assert found.by_origin["human"].cycle is None


def test_nothing_of_little_is_a_share_without_saying_so() -> None:
    few = one(lifetimes([(0, ai(), 10_000, None)], until=50)).by_origin["ai"]
    assert few.survival.s14.is_few
    assert (few.survival.s14.low, few.survival.s14.high) == (0.0, 1.0)
    many = one(lifetimes([(day, ai(), 10, None) for day in range(10)], until=50)).by_origin["ai"]
    assert not many.survival.s14.is_few
    assert of_commits(0, 9).is_few
    assert not of_commits(0, 10).is_few


# -- matching ----------------------------------------------------------------------------


def mixed(*, human_old: float, human_new: float, old: int, new: int) -> Making:
    """A tool that adds ``old`` lines to old files and ``new`` ones to new; human lines live by the kind of file."""
    making = Making()
    making.add(making.commit(-500), 1, b"old.py")
    for number in range(40):
        who = ai() if number % 2 else HUMAN
        commit = making.commit(number * 2, who)
        is_old = number % 4 < 2
        path = b"old.py" if is_old else f"n{number}.py".encode()
        batch = making.add(commit, (old if is_old else new) if number % 2 else 50, path)
        if number % 2 == 0:
            share = human_old if is_old else human_new
            making.end(batch, making.commit(number * 2 + 0.5), round(50 * (1 - share)))
    making.commit(200)
    return making


def test_human_lines_are_weighted_to_be_like_those_of_ai() -> None:
    """All human lines: half in old files, where 80 % live, half in new, where 20 % do. Of AI lines 90 in 101
    are in old."""
    found = one(mixed(human_old=0.8, human_new=0.2, old=90, new=11))
    [beside] = found.comparisons
    assert beside.matched.s14.share == pytest.approx((90 * 0.8 + 11 * 0.2) / 101)
    assert beside.matched.rework14.share == pytest.approx(1 - (90 * 0.8 + 11 * 0.2) / 101)
    assert beside.compared.s14.share == 1.0
    assert (beside.of, beside.beside, beside.of_lines, beside.of_matched) == ("ai", "human", 1010, 1010)
    assert beside.matched.s14.lines == 950  # the first human commit is older than the first of AI


def test_lines_without_any_like_them_are_not_compared() -> None:
    making = mixed(human_old=0.8, human_new=0.2, old=90, new=11)
    making.add(making.commit(200, ai()), 70, b"x.go")
    [beside] = one(making).comparisons
    assert (beside.of_lines, beside.of_matched) == (1080, 1010)


def test_human_lines_before_the_first_ai_line_are_not_compared() -> None:
    making = lifetimes(
        [*((day, HUMAN, 10, 1) for day in range(20)), *((50 + day, ai(), 10, None) for day in range(20)),
         *((50.5 + day, HUMAN, 10, None) for day in range(20))], until=200,
    )  # fmt: skip
    found = one(making)
    [beside] = found.comparisons
    assert beside.matched.s14.lines == 200  # not 400
    assert beside.matched.s14.share == 1.0
    assert found.by_origin["human"].survival.s14.share == 0.5


def test_tools_stand_beside_human_lines_and_each_other() -> None:
    rng = random.Random(3)
    pace = [(HUMAN, 60.0), (ai(), 30.0), (ai("cursor"), 120.0)]
    plan = [
        (day / 4, who, 10, rng.expovariate(1 / days))
        for day in range(600) for who, days in (rng.choice(pace),)
    ]  # fmt: skip
    found = {(beside.of, beside.beside): beside for beside in one(lifetimes(plan, until=400)).comparisons}
    assert set(found) == {
        ("ai", "human"), ("claude-code", "human"), ("claude-code", "other tools"), ("cursor", "human"),
        ("cursor", "other tools"),
    }  # fmt: skip
    slow, fast = found["cursor", "human"].hazard_ratio, found["claude-code", "human"].hazard_ratio
    between = found["claude-code", "other tools"].hazard_ratio
    assert slow is not None
    assert fast is not None
    assert between is not None
    assert slow.low <= 0.5 <= (slow.high or 0)
    assert fast.low <= 2 <= (fast.high or 0)
    assert between.low <= 4 <= (between.high or 0)


# -- several together --------------------------------------------------------------------


def test_several_repositories_add_up_and_are_matched_each_in_itself() -> None:
    made = [large(seed, commits=60, batches=200, deaths=250) for seed in (1, 2)]
    found = report([boiled(making, f"r{number}") for number, making in enumerate(made)])
    whole, each = found.together, found.repositories
    assert [one.names for one in each] == [["r0"], ["r1"]]
    assert whole.names == ["r0", "r1"]
    for name in ("added", "alive", "died", "commits"):
        assert getattr(whole, name) == sum(getattr(one, name) for one in each)
    for origin, group in whole.by_origin.items():
        assert group.added == sum(one.by_origin[origin].added for one in each)
    [together] = [beside for beside in whole.comparisons if beside.of == "ai"]
    assert together.of_matched == sum(
        beside.of_matched for one in each for beside in one.comparisons if beside.of == "ai"
    )


def test_a_repository_twice_is_no_more_certain_by_its_shares() -> None:
    """The same lines in two repositories: the same shares, from twice as many commits."""
    making = large(4, commits=200, batches=300, deaths=300)
    alone = report([boiled(making)]).together.by_origin["human"].survival.s14
    twice = report([boiled(making, "a"), boiled(making, "b")]).together.by_origin["human"].survival.s14
    assert twice.share == pytest.approx(alone.share)
    assert twice.commits == 2 * alone.commits
    assert alone.low is not None and alone.high is not None  # noqa: PT018
    assert twice.low is not None and twice.high is not None  # noqa: PT018
    assert twice.high - twice.low < alone.high - alone.low


def test_layers_of_several_go_on_where_one_ends() -> None:
    ones = [lifetimes([(0, HUMAN, 10, None)], until=5), lifetimes([(40, ai(), 7, None)], until=65)]
    layers = report([boiled(making, f"r{number}") for number, making in enumerate(ones)]).together.layers
    assert layers.months == ["2026-01", "2026-02", "2026-03"]
    assert layers.by_origin == {"human": [10, 10, 10], "ai": [0, 7, 7]}


@settings(max_examples=20)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_splitting_a_batch_and_reordering_deaths_change_nothing(seed: int, rng: random.Random) -> None:
    making = large(seed, commits=25, batches=40, deaths=60)
    again = split(making, rng)
    assert _numbers(report([boiled(again)])) == pytest.approx(_numbers(report([boiled(making)])), nan_ok=True)


def split(making: Making, rng: random.Random) -> Making:
    """The same lines, each batch in two where it has two, with its deaths among them by chance."""
    again = Making()
    old = making.history
    for at, sha in zip(old.commits.at, old.commits.sha, strict=True):
        again.commit(0, making.attributions[sha])
        again.history.commits.at[-1] = at
    parts: dict[int, list[list[int]]] = {}
    batches = old.batches
    for number, lines in enumerate(batches.lines):
        sizes = [lines] if lines == 1 else [lines // 2, lines - lines // 2]
        path = old.files.path[batches.file[number]]
        parts[number] = [[again.add(batches.commit[number], size, path), size] for size in sizes]
    again.history.files.born = old.files.born
    deaths = list(zip(old.deaths.batch, old.deaths.commit, old.deaths.lines, strict=True))
    rng.shuffle(deaths)
    for batch, commit, lines in deaths:
        for part in parts[batch]:
            gone = min(part[1], lines)
            if gone:
                again.end(part[0], commit, gone)
                part[1] -= gone
                lines -= gone  # noqa: PLW2901
    return again


def _numbers(found: Report) -> list[float]:
    """Every number of a report, in its order."""
    numbers: list[float] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for name in sorted(value):
                walk(value[name])
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        elif isinstance(value, int | float):
            numbers.append(float(value))
        elif value is None:
            numbers.append(float("nan"))

    walk(msgspec.to_builtins(found))
    return numbers


def test_cycles_are_by_nearest_rank() -> None:
    found = cycle([60 * hours for hours in range(1, 11)])
    assert found is not None
    assert (found.median_hours, found.p85_hours) == (5, 9)
    assert cycle([]) is None


def test_what_could_not_be_known_comes_first() -> None:
    making = lifetimes([(0, ai(), 10, 3), (5, HUMAN, 10, 1)], until=3)
    making.history.caveats.append("The clone is shallow.")
    making.add(0, 3, b"x.lock", kind="lock")
    found = one(making, mixed=2)
    about = [caveat.about for caveat in found.caveats]
    assert about == [
        "lower bound", "reading", "first parents", "mixed merges", "clocks", "excluded", "censoring",
        "moved lines", "review",
    ]  # fmt: skip


def test_a_person_is_nowhere_in_a_report() -> None:
    """The nouns of a report have no field for one, and nothing of an attribution but origin and tool gets in."""
    making = Making()
    making.add(making.commit(0, Attribution(origin="ai", tool="codex")), 5, b"anna/x.py")
    assert b"anna" not in msgspec.json.encode(report([boiled(making)]))
