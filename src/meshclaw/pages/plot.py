"""Plots of amounts: columns over time, bars with shares, one bar that is a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

import msgspec

from meshclaw.pages import svg
from meshclaw.pages.numbers import share
from meshclaw.pages.scale import Bin, labelled, ticks
from meshclaw.pages.svg import Caption

HEIGHT = 220
"""Pixels of the area that is plotted in; the axis beneath is outside of it."""
SLOTS = 14
"""A plot of fewer columns than these does not make them wider."""
TONES = 6
"""Colours, each with a pattern of its own; the last one is for all that has none."""
ROW, BAR = 42, 12
"""Pixels from bar to bar, and of a bar."""
CLIPPED = 34
"""Characters of a name beside a bar; the whole of it is shown under the pointer."""
WHOLE = 30
"""Pixels of the one bar that is a whole."""

Said = Callable[[int], str]
"""How an amount is written."""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing, in one colour and pattern all over the page."""

    name: str
    values: list[int]
    """One for each bin, none below 0."""
    tone: int
    """1 to ``TONES``."""

    @property
    def total(self) -> int:
        return sum(self.values)


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """How amounts are written: in full, and short beside a line."""

    say: Said
    tick: Callable[[float], str]
    gap: float = 0.2
    """Between columns, of the room of one; without a gap the columns of a stock are layers."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: int
    """Not below 0."""
    note: str = ""
    """Shown behind the amount."""
    tone: int = 1


def columns(of: Caption, bins: Sequence[Bin], series: Sequence[Series], axis: Axis) -> str:
    """Stacked in the order of ``series`` from the bottom, over time. Empty where there is nothing to show."""
    totals = [sum(one.values[at] for one in series) for at in range(len(bins))]
    if not any(totals):
        return ""
    root = svg.canvas(of, HEIGHT)
    steps = ticks(max(totals))
    lines_across(root, steps, axis.tick)
    slots = max(len(bins), SLOTS) if axis.gap else len(bins)
    start = (slots - len(bins)) / 2
    for at, bin_ in enumerate(bins):
        parts = [(one, one.values[at]) for one in series if one.values[at]]
        column = svg.group(
            root, _said(bin_, parts, axis.say), class_="column" if axis.gap else "column flush"
        )
        left = (start + at) / slots
        svg.mark(
            column,
            "rect",
            x=svg.percent(left),
            y=0,
            width=svg.percent(1 / slots),
            height=HEIGHT,
            class_="hit",
        )
        y = float(HEIGHT)
        for one, value in parts:
            height = HEIGHT * value / steps[-1]
            y -= height
            svg.mark(
                column, "rect", x=svg.percent(left + axis.gap / 2 / slots), y=y, height=height,
                width=svg.percent((1 - axis.gap) / slots), class_=f"tone{one.tone}",
            )  # fmt: skip
    _dates(root, bins, slots)
    return svg.told(root)


def _said(bin_: Bin, parts: Sequence[tuple[Series, int]], say: Said) -> str:
    """Day and sum, then the parts from the top."""
    lines = [f"{one.name}: {say(value)}" for one, value in reversed(parts)]
    return "\n".join(
        [f"{bin_.name}: {say(sum(value for _, value in parts))}", *(lines if len(lines) > 1 else ())]
    )


def lines_across(root: ET.Element, steps: Sequence[float], tick: Callable[[float], str]) -> None:
    """At ``steps``, the last of which is the top."""
    for step in steps:
        y = HEIGHT * (1 - step / steps[-1])
        svg.mark(root, "line", x1="0", x2="100%", y1=y, y2=y, class_="grid" if step else "base")
        svg.text(root, tick(step), x=-8, y=y + 4, class_="end soft")


def _dates(root: ET.Element, bins: Sequence[Bin], slots: int) -> None:
    """Some of the dates, and each year once."""
    start = (slots - len(bins)) / 2
    said = 0
    for at in labelled(len(bins)):
        bin_ = bins[at]
        x = svg.percent((start + at + 0.5) / slots)
        svg.text(root, bin_.label, x=x, y=HEIGHT + 18, class_="middle")
        if bin_.unit != "year" and bin_.first.year != said:
            said = bin_.first.year
            svg.text(root, str(said), x=x, y=HEIGHT + 34, class_="middle soft")


def bars(of: Caption, rows: Sequence[Bar], say: Said, *, whole: int = 0) -> str:
    """One under the other, each as long as its part of the longest; with its share of ``whole``, where there is one."""
    most = max((row.value for row in rows), default=0)
    if not most:
        return ""
    root = svg.canvas(of, ROW * len(rows))
    for at, row in enumerate(rows):
        y = ROW * at
        amount = say(row.value) + (f" · {share(row.value, whole)}" if whole else "")
        line = svg.group(root, f"{row.name}: {amount} {row.note}".strip(), class_="row")
        svg.mark(line, "rect", x="0", y=y, width="100%", height=ROW, class_="hit")
        svg.text(line, clipped(row.name), x="0", y=y + 16, class_="name")
        svg.text(line, f"{amount} {row.note}".strip(), x="100%", y=y + 16, class_="end")
        svg.mark(line, "rect", x="0", y=y + 22, width="100%", height=BAR, class_="track")
        if row.value:
            width = svg.percent(row.value / most)
            svg.mark(line, "rect", x="0", y=y + 22, width=width, height=BAR, class_=f"tone{row.tone}")
    return svg.told(root)


def clipped(name: str) -> str:
    return name if len(name) <= CLIPPED else f"{name[: CLIPPED - 1]}…"


def whole(of: Caption, parts: Sequence[Series], say: Said) -> str:
    """One bar whose parts together are all there is; each of ``parts`` has one value."""
    total = sum(part.total for part in parts)
    if not total:
        return ""
    root = svg.canvas(of, WHOLE)
    left = 0
    for part in parts:
        if part.total:
            piece = svg.group(
                root, f"{part.name}: {say(part.total)} · {share(part.total, total)}", class_="column"
            )
            svg.mark(
                piece, "rect", x=svg.percent(left / total), y=0, width=svg.percent(part.total / total), height=WHOLE,
                class_=f"tone{part.tone}",
            )  # fmt: skip
            left += part.total
    return svg.told(root)
