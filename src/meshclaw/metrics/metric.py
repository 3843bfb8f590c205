"""What a metric is."""

from __future__ import annotations

from typing import Literal

import msgspec

from meshclaw.flow.fact import Fact

Adds = Literal["sum", "ratio", "distinct"]
"""How periods and units add up. ``sum``: tops add. ``ratio``: tops add and bottoms add, and only then are divided.
``distinct``: units add, for a person is in one unit in a quarter; weeks do not, for the same people come again: a whole
quarter is counted anew, and longer there is no answer, since a person's name changes with the quarter."""

Grade = Literal["counted", "A", "B", "C", "D", "E"]
"""What an answer can carry. ``counted``: sums of facts, which say nothing about why. Of claims about causes: ``A``
randomised, ``B`` staggered, ``C`` before and after, ``D`` what people say, ``E`` a constant. Grades are never added."""

OUTPUT = ("quarter", "week", "unit", "slice", "top", "bottom")
"""Columns of every metric's query, in this order. ``week`` is an ISO week's Monday, and the part of it that lies in
``quarter``; ``slice`` is empty where a metric has none; ``bottom`` is 0 where it is no ratio."""
TEXTS = tuple(
    field.name
    for field in msgspec.structs.fields(Fact)
    if field.name != "id" and field.default in {"", msgspec.NODEFAULT}
)
NUMBERS = tuple(field.name for field in msgspec.structs.fields(Fact) if type(field.default) is int)
TABLES = {
    "facts": ("quarter", "week", "unit", *TEXTS, *NUMBERS),
    "people": ("quarter", "unit", "people"),
    "weeks": ("quarter", "week"),
}
"""What a query may read: facts; how many people a unit has in a quarter; the weeks that are asked about."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    slug: str
    words: str
    """One sentence for people."""
    unit: str
    """Of the answer, as in ``people`` or ``micro-dollars``."""
    adds: Adds
    query: str
    """In the subset of SQL that ``subset.check`` allows; it answers for each unit alone, without those below it."""
    slices: str = ""
    """What ``slice`` names; empty where there is none."""
    grain: tuple[Literal["week"], Literal["unit"]] = ("week", "unit")
    """The finest that is answered."""
    grade: Grade = "counted"
    version: int = 1
    """Grows with every change of what is counted; the past is then answered anew."""


class Part(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One row of an answer; exact."""

    quarter: str
    week: str
    """Empty where it is for the whole quarter."""
    unit: str
    slice: str
    top: int
    bottom: int
