"""How a report of code looks, at any width."""

from __future__ import annotations

import random

import msgspec
import pytest

from meshclaw.changes.programs import shape
from meshclaw.changes.report import Failed, Point, Report, Share, Spend
from meshclaw.changes.reporting import report
from meshclaw.changes.sample import sample
from meshclaw.cli.code_shown import chart, share, show
from tests.changes.histories import BOT, HUMAN, Making, ai, lifetimes

TOP = [
    "head", "commits", "lines", "by_origin", "by_tool", "excluded", "caveats",
]  # fmt: skip
GROUP = {"commits", "added", "alive", "s14", "s90", "rework14", "reverts"}


def made(seed: int, *, tools: int = 2) -> Making:
    rng = random.Random(seed)
    pace = [
        (HUMAN, 100.0),
        (BOT, 20.0),
        *((ai(f"tool{number}"), 50.0 * (number + 1)) for number in range(tools)),
    ]
    plan = [
        (day / 4, who, rng.randint(1, 40), rng.expovariate(1 / days))
        for day in range(400)
        for who, days in (rng.choice(pace),)
    ]
    return lifetimes(plan, until=250)


def reported(count: int = 1, **more: int) -> Report:
    makings = [made(seed, **more) for seed in range(count)]
    return report([sample(one.history, one.known(), name=f"repo{at}") for at, one in enumerate(makings)])


def shown(
    of: Report, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    show(of)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("count", [1, 3])
def test_it_fits_and_what_could_not_be_known_comes_before_every_number_of_a_group(
    count: int, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shown(reported(count), columns, capsys, monkeypatch)
    assert max(len(line.rstrip()) for line in out.splitlines()) <= columns
    order = [
        out.index(head)
        for head in ("What could not be known", "Lines alive", "MADE BY", "AI TOOL", "Beside lines")
    ]
    assert order == sorted(order)
    assert ("REPOSITORY" in out) == (count > 1)


def test_a_single_tool_is_not_told_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shown(reported(tools=1), 80, capsys, monkeypatch)
    assert "All of ai is tool0." in out
    assert "AI TOOL" not in out


def test_nothing_at_all_is_told_as_that(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = lifetimes([], until=1)
    out = shown(report([sample(empty.history, empty.known(), name="r")]), 80, capsys, monkeypatch)
    assert "0 lines added" in out
    assert shown(report([], [Failed(path="x", why="gone")]), 80, capsys, monkeypatch)


def test_what_it_had_cost_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spend = Spend(
        micros={"linked": 3_000_000, "reverted": 1_000_000}, sessions={"linked": 2, "reverted": 1}, standing=2
    )
    out = shown(msgspec.structs.replace(reported(), spend=spend), 120, capsys, monkeypatch)
    assert (
        "$4.00 in 3 sessions on this machine: linked $3.00, reverted $1.00; $2.00 for each commit that stands"
        in " ".join(out.split())
    )


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (Share(share=0.814, low=0.736, high=0.874, lines=200, commits=20), "81% 74-87"),
        (Share(share=0.8, low=0.7, high=0.9, lines=99, commits=20), "too few"),
        (Share(share=0.8, low=0.7, high=0.9, lines=200, commits=9), "too few"),
        (Share(share=None, low=None, high=None, lines=200, commits=20), "-"),
    ],
)
def test_a_share_stands_with_its_interval_or_not_at_all(of: Share, text: str) -> None:
    assert share(of) == text


def test_the_chart_falls_from_all_to_what_is_left() -> None:
    curve = [Point(day=day, share=1 - day / 180, low=0, high=1) for day in (1, 30, 60, 90)]
    rows = chart({"a": curve}, 61)
    assert rows[0].startswith("100% |a")
    assert rows[10].startswith(" 50% |")
    assert rows[10].endswith("a")
    assert rows[-1].split() == ["0", "14", "30", "60", "90", "days"]
    marks = [(row, line.index("a", 6)) for row, line in enumerate(rows[:11]) if "a" in line[6:]]
    assert marks == sorted(marks), "it never rises"
    assert sum(line[6:].count("a") for line in rows[:11]) == 61
    same = chart({"a": curve, "h": curve}, 61)
    assert sum(line[6:].count("*") for line in same[:11]) == 61
    short = chart({"a": curve[:2]}, 61)
    assert sum(line[6:].count("a") for line in short[:11]) == 21, "nothing beyond what was seen"


def test_programs_get_the_stable_shape() -> None:
    one = msgspec.to_builtins(shape(reported()))
    assert list(one)[: len(TOP)] == TOP
    assert set(one["by_origin"]) == {"human", "ai", "bot", "unknown"}
    assert set(one["lines"]) == {"added", "died", "alive"}
    assert one["lines"]["added"] == one["lines"]["died"] + one["lines"]["alive"]
    for group in [*one["by_origin"].values(), *one["by_tool"].values()]:
        assert set(group) >= GROUP
        for name, (low, high) in group["intervals"].items():
            assert low - 1e-9 <= group[name] <= high + 1e-9
            assert set(group["rests_on"][name]) == {"lines", "commits"}
    assert all(isinstance(caveat, str) for caveat in one["caveats"])
    several = msgspec.to_builtins(shape(reported(2)))
    assert list(several)[:2] == ["repositories", "together"]
    assert [list(each) for each in several["repositories"]] == [list(several["together"])] * 2
    assert several["failed"] == []
