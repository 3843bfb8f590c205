"""The page on whether the code stood: what it says and plots is what the report holds."""

from __future__ import annotations

import random
from math import exp

import msgspec
import pytest

from meshclaw.changes.report import Failed, Report, Spend
from meshclaw.changes.reporting import report
from meshclaw.changes.sample import sample
from meshclaw.flow.attribution import Attribution
from meshclaw.pages.code import page
from meshclaw.pages.curves import ranged
from meshclaw.pages.plot import HEIGHT
from meshclaw.pages.scale import ticks
from tests.changes.histories import BOT, HUMAN, UNKNOWN, Making, ai, lifetimes
from tests.pages.reading import Page, fills, is_harmless, part, plots

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=y>&amp;</title></svg>\u202e\x1b[31m"


def made(seed: int = 3, tools: tuple[str, ...] = ("claude-code", "copilot"), days: int = 500) -> Making:
    """Two commits a day; from the middle on AI makes some of them."""
    source = random.Random(seed)
    plan: list[tuple[float, Attribution, int, float | None]] = []
    for half_day in range(2 * days):
        makers = [HUMAN] * 5 + [BOT] + ([ai(tool) for tool in tools] + [UNKNOWN] if half_day > days else [])
        lines = max(1, round(exp(source.gauss(3, 1))))
        plan.append((half_day / 2, source.choice(makers), lines, source.expovariate(1 / 300)))
    return lifetimes(plan, until=days + 1)


def of(*makings: Making, name: str = "repo") -> Report:
    return report(
        [sample(one.history, one.known(), name=f"{name}{at or ''}") for at, one in enumerate(makings)]
    )


def test_what_could_not_be_known_comes_before_any_number() -> None:
    html = page(of(made()))
    assert (
        html.index("What could not be known")
        < html.index('<span class="value">')
        < html.index('<svg class="plot"')
    )
    found = of(made()).together
    assert all(caveat.text in " ".join(Page(html).words) for caveat in found.caveats)


def test_the_answer_stands_ai_beside_human_lines_like_them() -> None:
    found = of(made())
    beside = next(one for one in found.together.comparisons if one.of == "ai")
    for one in (beside.compared.s14, beside.matched.s14):
        assert one.share is not None
        assert one.low is not None
        assert one.high is not None
        assert ranged(one.share, one.low, one.high) in Page(page(found)).text.replace("\u00a0", " ")
    assert "times as fast" in page(found)


def test_curves_are_those_of_the_report() -> None:
    found = of(made())
    svg = plots(page(found))["alive-ai"]
    beside = next(one for one in found.together.comparisons if one.of == "ai")
    points = [
        point
        for survival in (beside.compared, beside.matched)
        for point in survival.curve
        if 0 < point.day <= 365
    ]
    span = ticks(1 - min(point.low for point in points))[-1]
    dots = [group[2] for group in svg.iter("g") if group.get("class") == "dot"]
    assert [float(dot.get("cy") or -1) for dot in dots] == pytest.approx(
        [HEIGHT * (1 - point.share) / span for point in points], abs=1e-3
    )


def test_layers_end_with_the_lines_that_are_alive() -> None:
    found = of(made())
    html = page(found)
    for id_, counts in (
        ("layers-origin", found.together.layers.by_origin), ("layers-year", found.together.layers.by_year),
    ):  # fmt: skip
        svg = plots(html)[id_]
        months = [sum(of_month) for of_month in zip(*counts.values(), strict=True)]
        top = ticks(max(months))[-1]
        last = [group for group in svg.iter("g") if "column" in (group.get("class") or "")][-1]
        plotted = sum(float(rect.get("height") or 0) for rect in fills(last))
        assert plotted * top / HEIGHT == pytest.approx(found.together.alive, rel=1e-3)


def test_a_tool_stands_above_the_human_lines_like_its_own() -> None:
    said = [
        text.text
        for text in plots(page(of(made())))["rework14"].iter("text")
        if text.get("class") == "name halo"
    ]
    assert said[:2] == ["AI", "human lines like AI's"]
    assert ["claude-code", "human lines like claude-code's"] in (said[2:4], said[4:6])


def test_too_few_is_said_and_not_drawn() -> None:
    found = of(lifetimes([(0, HUMAN, 500, None), (1, ai(), 10, 3)], until=200))
    html = page(found)
    assert "too few" in html
    assert "There is too little on one side" in Page(html).text
    assert "alive-ai" not in plots(html)


@pytest.mark.parametrize(
    ("making", "said"),
    [
        (Making(), "There are no lines to count."),
        (lifetimes([(0, HUMAN, 500, None)], until=3), "No sign of AI was found."),
        (lifetimes([(0, ai(), 500, None)], until=3), "too little on one side"),
    ],
)
def test_few_or_no_data_have_their_own_words(making: Making, said: str) -> None:
    html = page(of(making))
    assert said in Page(html).text
    assert not Page(html).unclosed


def test_several_repositories_stand_in_the_order_of_their_names_and_the_unread_come_first() -> None:
    found = msgspec.structs.replace(
        of(made(3), made(4)), failed=[Failed(path="/x/broken", why="not a repository")]
    )
    said = Page(page(found)).text
    assert "Did the code stand? 2 repositories" in said
    assert said.index("/x/broken could not be read: not a repository") < said.index("Each repository")
    assert "2 repositories, in the order of their names" in said


def test_what_sessions_cost_is_one_bar_by_what_became_of_the_changes() -> None:
    spend = Spend(
        micros={"linked": 3_000_000, "reworked": 1_000_000}, sessions={"linked": 2, "reworked": 1}, standing=5
    )
    html = page(msgspec.structs.replace(of(made()), spend=spend))
    assert [part(rect.get("width")) for rect in fills(plots(html)["partition"])] == [0.75, 0.25]
    assert "worked here cost $4.00. 75 % of it is linked to what still stands." in Page(html).text.replace(
        "\u00a0", " "
    )
    nothing = Spend(micros={}, sessions={}, standing=0)
    assert "Nothing cost anything" in page(msgspec.structs.replace(of(made()), spend=nothing))
    assert "AI sessions cost" not in page(of(made()))


def test_no_name_gets_out_of_its_place() -> None:
    found = of(made(tools=(HOSTILE, "b")), name=HOSTILE)
    html = page(msgspec.structs.replace(found, failed=[Failed(path=HOSTILE, why=HOSTILE)]))
    assert is_harmless(html)
    assert not Page(html).unclosed
    assert "\u202e" not in html
    assert plots(html)


def test_a_hundred_tools_and_years_are_a_small_page() -> None:
    many = made(tools=tuple(f"tool-{at}" for at in range(100)))
    many.history.commits.at[0] -= 60 * 365 * 86_400
    html = page(of(many))
    assert len(html) < 600_000
    assert plots(html)["layers-year"] is not None
