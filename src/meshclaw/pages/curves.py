"""Plots of shares with their intervals: curves over days with bands, and points with what they may be off by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import msgspec

from meshclaw.pages import svg
from meshclaw.pages.numbers import percent_tick
from meshclaw.pages.plot import HEIGHT, ROW, clipped
from meshclaw.pages.scale import ticks
from meshclaw.pages.svg import Caption

MARKED = (0, 14, 30, 90, 180, 365, 730, 1460, 3650)
"""Days that an axis may name; the horizons are among them."""
EARLY = (0, 1, 3, 7, 14, 21)
"""The same where it ends before 30."""
APART = 0.085
"""Of the width, between two that it names."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    day: int
    share: float
    low: float
    high: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    tone: int
    spots: Sequence[Spot]
    """By day, from 1 on; all begin with a share of 1 on day 0."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A share with its interval."""

    name: str
    share: float
    low: float
    high: float
    note: str = ""
    tone: int = 1


def survival(of: Caption, curves: Sequence[Curve], days: int) -> str:
    """Shares that are left after so many days, up to ``days``; early days are drawn wider (square root)."""
    shown = [(curve, [spot for spot in curve.spots if spot.day <= days]) for curve in curves]
    spots = [spot for _, kept in shown for spot in kept]
    if not spots:
        return ""
    last = max(spot.day for spot in spots)
    lost = ticks(max(0.02, 1 - min(spot.low for spot in spots)))
    plane = _Plane(last, lost[-1])
    root = svg.canvas(of, HEIGHT)
    _frame(root, plane, lost)
    inner = svg.mark(
        root,
        "svg",
        viewBox=f"0 0 100 {HEIGHT}",
        preserveAspectRatio="none",
        x=0,
        y=0,
        width="100%",
        height=HEIGHT,
    )
    for curve, kept in shown:
        if kept:
            _band(inner, plane, curve, kept)
    for curve, kept in shown:
        for spot in kept:
            _dot(root, plane, curve, spot)
    return svg.told(root)


class _Plane(msgspec.Struct, frozen=True):
    last: int
    span: float
    """From a share of 1 at the top down to the base line."""

    def x(self, day: float) -> float:
        """0 to 1."""
        return math.sqrt(day / self.last)

    def y(self, share: float) -> float:
        return HEIGHT * (1 - share) / self.span


def _frame(root: ET.Element, plane: _Plane, lost: Sequence[float]) -> None:
    for step in lost:
        y = plane.y(1 - step)
        svg.mark(root, "line", x1="0", x2="100%", y1=y, y2=y, class_="base" if step == lost[-1] else "grid")
        svg.text(root, percent_tick(1 - step), x=-8, y=y + 4, class_="end soft")
    placed = -1.0
    for day in MARKED if plane.last >= 30 else EARLY:
        if day <= plane.last and plane.x(day) - placed >= APART:
            placed = plane.x(day)
            x = svg.percent(placed)
            svg.mark(root, "line", x1=x, x2=x, y1=0, y2=HEIGHT + 4, class_="grid")
            svg.text(root, str(day), x=x, y=HEIGHT + 18, class_="middle")
    svg.text(root, "days after they were written", x="50%", y=HEIGHT + 34, class_="middle soft")


def _band(inner: ET.Element, plane: _Plane, curve: Curve, spots: Sequence[Spot]) -> None:
    def line(values: Sequence[tuple[int, float]]) -> str:
        return " ".join(
            f"{svg.number(100 * plane.x(day))},{svg.number(plane.y(share))}" for day, share in values
        )

    upper = [(0, 1.0), *((spot.day, spot.high) for spot in spots)]
    lower = [(spot.day, spot.low) for spot in reversed(spots)]
    svg.mark(inner, "polygon", points=line([*upper, *lower]), class_=f"band{curve.tone}")
    middle = [(0, 1.0), *((spot.day, spot.share) for spot in spots)]
    svg.mark(inner, "polyline", points=line(middle), class_=f"line{curve.tone}")


def _dot(root: ET.Element, plane: _Plane, curve: Curve, spot: Spot) -> None:
    said = f"{curve.name}, {spot.day} days: {ranged(spot.share, spot.low, spot.high)}"
    found = svg.group(root, said, class_="dot")
    x, y = svg.percent(plane.x(spot.day)), plane.y(spot.share)
    svg.mark(found, "circle", cx=x, cy=y, r=9, class_="hit")
    svg.mark(found, "circle", cx=x, cy=y, r=3, class_=f"ink{curve.tone}")


def ranges(of: Caption, rows: Sequence[Range]) -> str:
    """One under the other from 0 to a round share above the highest; a line for the interval, a dot for the share."""
    if not rows:
        return ""
    steps = ticks(max(0.01, *(row.high for row in rows)))
    top = steps[-1]
    root = svg.canvas(of, ROW * len(rows) + 26)
    for step in steps[:: 1 + (len(steps) > 5)]:
        x = svg.percent(step / top)
        svg.mark(root, "line", x1=x, x2=x, y1=4, y2=ROW * len(rows) + 4, class_="grid")
        end = "start" if step == 0 else "end" if step == top else "middle"
        svg.text(root, percent_tick(step), x=x, y=ROW * len(rows) + 20, class_=f"{end} soft")
    for at, row in enumerate(rows):
        _range(root, ROW * at, row, top)
    return svg.told(root)


def _range(root: ET.Element, y: float, row: Range, top: float) -> None:
    said = ranged(row.share, row.low, row.high)
    line = svg.group(root, f"{row.name}: {said} {row.note}".strip(), class_="row")
    svg.mark(line, "rect", x="0", y=y, width="100%", height=ROW, class_="hit")
    svg.text(line, clipped(row.name), x="0", y=y + 16, class_="name halo")
    svg.text(line, said, x="100%", y=y + 16, class_="end halo")
    svg.mark(
        line, "rect", x=svg.percent(row.low / top), y=y + 26, width=svg.percent((row.high - row.low) / top), height=4,
        class_=f"ink{row.tone}",
    )  # fmt: skip
    svg.mark(line, "circle", cx=svg.percent(row.share / top), cy=y + 28, r=6, class_=f"ink{row.tone} ring")


def ranged(share: float, low: float, high: float) -> str:
    """``81 % (74 to 87 %)``, with decimals where whole percents would hide it."""
    digits = 0 if high >= 0.02 else 1 if high >= 0.002 else 2
    one, least, most = (f"{100 * value:.{digits}f}" for value in (share, low, high))
    return f"{one} % ({least} to {most} %)"
