"""What is plotted is the data: heights, widths and places are held against the amounts."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.pages.numbers import dollars_tick, money
from meshclaw.pages.plot import HEIGHT, ROW, Axis, Bar, Series, bars, columns, whole
from meshclaw.pages.scale import bins, ticks
from meshclaw.pages.svg import Caption
from tests.pages.reading import fills, part

OF = Caption(id="a", title="Title", told="What it shows.")
AXIS = Axis(say=money, tick=dollars_tick)
AMOUNTS = st.integers(min_value=0, max_value=10**15)
HOSTILE = "</title><script>alert(1)</script>\"'&<\x00\x1b[31m\u202egnp\ud800\ufffe"


def days(count: int) -> list[date]:
    return [date(2026, 4, 1) + timedelta(days=at) for at in range(count)]


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), min_size=1, max_size=40))
def test_every_column_is_as_high_as_its_amounts_and_stands_on_the_one_before(
    amounts: list[tuple[int, ...]],
) -> None:
    series = [Series(name=str(at), values=[row[at] for row in amounts], tone=at + 1) for at in range(3)]
    plotted = columns(OF, bins(days(len(amounts))), series, AXIS)
    if not any(map(any, amounts)):
        assert plotted == ""
        return
    svg = ET.fromstring(plotted)
    top = ticks(max(map(sum, amounts)))[-1]
    groups = [group for group in svg.iter("g") if group.get("class") == "column"]
    assert len(groups) == len(amounts)
    for group, row in zip(groups, amounts, strict=True):
        rects = fills(group)
        assert [rect.get("class") for rect in rects] == [f"tone{at + 1}" for at in range(3) if row[at]]
        assert [float(rect.get("height") or -1) for rect in rects] == pytest.approx(
            [HEIGHT * value / top for value in row if value], abs=1e-4
        )
        y = float(HEIGHT)
        for rect in rects:
            y -= float(rect.get("height") or 0)
            assert float(rect.get("y") or -1) == pytest.approx(y, abs=1e-3)
        assert y >= -1e-3
    places = [part(group[1].get("x")) for group in groups]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


@given(st.lists(AMOUNTS, max_size=40), st.integers(min_value=0, max_value=10**16))
def test_every_bar_is_its_part_of_the_longest(values: list[int], total: int) -> None:
    rows = [Bar(name=f"n{at}", value=value) for at, value in enumerate(values)]
    plotted = bars(OF, rows, money, whole=total)
    if not any(values):
        assert plotted == ""
        return
    svg = ET.fromstring(plotted)
    widths = iter(fills(svg))
    assert all(
        part(next(widths).get("width")) == pytest.approx(value / max(values), abs=1e-6)
        for value in values
        if value
    )
    assert float(svg.get("height") or 0) == ROW * len(values)


@given(st.lists(AMOUNTS, min_size=1, max_size=7))
def test_parts_of_a_whole_fill_it(values: list[int]) -> None:
    parts = [Series(name=f"n{at}", values=[value], tone=at % 7 + 1) for at, value in enumerate(values)]
    plotted = whole(OF, parts, money)
    if not any(values):
        assert plotted == ""
        return
    rects = fills(ET.fromstring(plotted))
    left = 0.0
    for rect, value in zip(rects, filter(None, values), strict=True):
        assert part(rect.get("x")) == pytest.approx(left, abs=1e-5)
        assert part(rect.get("width")) == pytest.approx(value / sum(values), abs=1e-6)
        left += value / sum(values)
    assert left == pytest.approx(1)


def test_a_column_says_its_sum_and_its_parts_from_the_top() -> None:
    series = [Series(name="one", values=[1_500_000], tone=1), Series(name="two", values=[500_000], tone=2)]
    svg = ET.fromstring(columns(OF, bins(days(1)), series, AXIS))
    assert svg.findtext("g/title") == "Wed 1 April 2026: $2.00\ntwo: $0.50\none: $1.50"


def test_a_plot_can_be_read_aloud() -> None:
    svg = ET.fromstring(bars(OF, [Bar(name="x", value=1)], money))
    assert svg.get("role") == "img"
    assert [svg.findtext("title"), svg.findtext("desc")] == ["Title", "What it shows."]
    assert svg.get("aria-labelledby") == "a-title a-desc"
    assert {svg.find(tag).get("id") for tag in ("title", "desc")} == {"a-title", "a-desc"}  # type: ignore[union-attr]


def test_a_long_name_is_clipped_and_whole_under_the_pointer() -> None:
    long = "m" * 300
    svg = ET.fromstring(bars(OF, [Bar(name=long, value=1)], money))
    assert long in (svg.findtext("g/title") or "")
    assert max(len("".join(text.itertext())) for text in svg.iter("text")) < 40


@given(st.text(max_size=60) | st.just(HOSTILE))
def test_any_name_leaves_the_picture_well_formed(name: str) -> None:
    caption = Caption(id="a", title=name, told=name)
    series = [Series(name=name, values=[3], tone=1)]
    pictures = [
        columns(caption, bins(days(1)), series, AXIS), bars(caption, [Bar(name=name, value=3, note=name)], money),
        whole(caption, series, money),
    ]  # fmt: skip
    for picture in pictures:
        svg = ET.fromstring(picture)
        assert {element.tag for element in svg.iter()} <= {
            "svg",
            "title",
            "desc",
            "g",
            "rect",
            "text",
            "line",
        }
        assert "\u202e" not in picture
        assert "<script" not in picture


def test_ten_years_of_days_are_few_columns() -> None:
    shown = bins([date(2016, 1, 1), date(2026, 1, 1)])
    picture = columns(OF, shown, [Series(name="x", values=[5] * len(shown), tone=1)], AXIS)
    assert len(fills(ET.fromstring(picture))) == 11
