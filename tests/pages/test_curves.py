"""Curves, bands and intervals stand where their shares say."""

from __future__ import annotations

from math import sqrt
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.pages.curves import Curve, Range, Spot, ranged, ranges, survival
from meshclaw.pages.plot import HEIGHT, ROW
from meshclaw.pages.scale import ticks
from meshclaw.pages.svg import Caption
from tests.pages.reading import part

OF = Caption(id="a", title="Title", told="Told.")


@st.composite
def spots(draw: st.DrawFn) -> list[Spot]:
    days = sorted(draw(st.sets(st.integers(1, 400), min_size=1, max_size=12)))
    made: list[Spot] = []
    for day in days:
        low, share, high = sorted(draw(st.tuples(*[st.floats(0, 1)] * 3)))
        made.append(Spot(day=day, share=share, low=low, high=high))
    return made


@given(st.lists(spots(), min_size=1, max_size=4))
def test_every_dot_and_band_stands_where_its_share_says(of: list[list[Spot]]) -> None:
    curves = [Curve(name=f"c{at}", tone=at + 1, spots=found) for at, found in enumerate(of)]
    picture = survival(OF, curves, 365)
    shown = [[spot for spot in found if spot.day <= 365] for found in of]
    if not any(shown):
        assert picture == ""
        return
    svg = ET.fromstring(picture)
    last = max(spot.day for found in shown for spot in found)
    span = ticks(max(0.02, 1 - min(spot.low for found in shown for spot in found)))[-1]
    dots = [group[2] for group in svg.iter("g") if group.get("class") == "dot"]
    expected = [
        (sqrt(spot.day / last), HEIGHT * (1 - spot.share) / span) for found in shown for spot in found
    ]
    assert [(part(dot.get("cx")), float(dot.get("cy") or -1)) for dot in dots] == [
        (pytest.approx(x, abs=1e-5), pytest.approx(y, abs=1e-3)) for x, y in expected
    ]
    assert all(-1e-3 <= float(dot.get("cy") or -1) <= HEIGHT + 1e-3 for dot in dots)
    bands = [(found, band) for found, band in zip(filter(None, shown), svg.iter("polygon"), strict=True)]
    for found, band in bands:
        corners = [tuple(map(float, corner.split(","))) for corner in (band.get("points") or "").split()]
        heights = [0.0, *(HEIGHT * (1 - spot.high) / span for spot in found)]
        depths = [HEIGHT * (1 - spot.low) / span for spot in reversed(found)]
        assert [y for _, y in corners] == pytest.approx([*heights, *depths], abs=1e-3)


def test_a_dot_says_its_share_and_interval() -> None:
    svg = ET.fromstring(
        survival(OF, [Curve(name="AI", tone=2, spots=[Spot(day=14, share=0.81, low=0.74, high=0.87)])], 365)
    )
    assert svg.findtext("g/title") == "AI, 14 days: 81 % (74 to 87 %)"


def test_nothing_to_draw_is_no_picture() -> None:
    assert survival(OF, [], 365) == ""
    assert survival(OF, [Curve(name="x", tone=1, spots=[])], 365) == ""
    assert ranges(OF, []) == ""


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3).map(sorted), min_size=1, max_size=8))
def test_every_interval_is_as_wide_as_it_says(found: list[list[float]]) -> None:
    rows = [
        Range(name=f"n{at}", low=low, share=share, high=high) for at, (low, share, high) in enumerate(found)
    ]
    svg = ET.fromstring(ranges(OF, rows))
    top = ticks(max(0.01, *(row.high for row in rows)))[-1]
    groups = [group for group in svg.iter("g") if group.get("class") == "row"]
    for group, row in zip(groups, rows, strict=True):
        bar = group.findall("rect")[1]
        assert part(bar.get("x")) == pytest.approx(row.low / top, abs=1e-5)
        assert part(bar.get("width")) == pytest.approx((row.high - row.low) / top, abs=1e-5)
        dot = group.find("circle")
        assert dot is not None
        assert part(dot.get("cx")) == pytest.approx(row.share / top, abs=1e-5)
    assert float(svg.get("height") or 0) == ROW * len(rows) + 26


@pytest.mark.parametrize(
    ("low", "share", "high", "said"),
    [
        (0.74, 0.81, 0.87, "81 % (74 to 87 %)"), (0.001, 0.004, 0.009, "0.4 % (0.1 to 0.9 %)"),
        (0, 0, 0.001, "0.00 % (0.00 to 0.10 %)"), (0, 0, 0.14, "0 % (0 to 14 %)"), (1, 1, 1, "100 % (100 to 100 %)"),
    ],
)  # fmt: skip
def test_shares_with_their_interval(low: float, share: float, high: float, said: str) -> None:
    assert ranged(share, low, high) == said


@given(st.text(max_size=40))
def test_any_name_leaves_the_picture_well_formed(name: str) -> None:
    spot = Spot(day=3, share=0.5, low=0.1, high=0.9)
    ET.fromstring(survival(OF, [Curve(name=name, tone=1, spots=[spot])], 365))
    ET.fromstring(ranges(OF, [Range(name=name, low=0.1, share=0.2, high=0.3, note=name)]))
