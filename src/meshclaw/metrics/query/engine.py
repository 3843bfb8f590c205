"""What an engine is to the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from meshclaw.errors import Garbled
from meshclaw.metrics.metric import Metric, Part


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """Parquet files with the columns of ``metric.TABLES``."""

    facts: Sequence[str]
    people: Sequence[str]
    weeks: Sequence[str]


class Engine(Protocol):
    name: str
    dialect: str
    """Of sqlglot."""

    def ask(self, metric: Metric) -> list[Part]:
        """Every unit's own rows in order, those with nothing in them left out."""
        ...


def parts(rows: Iterable[Sequence[object]]) -> list[Part]:
    """Garbled where a row is not quarter, week, unit, slice and two whole numbers."""
    found = list[Part]()
    for quarter, week, unit, slice_, *numbers in rows:
        top, bottom = (int(str(number)) for number in numbers)
        if [top, bottom] != numbers:
            raise Garbled(f"an engine answers with something else than whole numbers: {numbers}")
        names = {"quarter": str(quarter), "week": str(week), "unit": str(unit), "slice": str(slice_)}
        found.append(Part(**names, top=top, bottom=bottom))
    return sorted(one for one in found if one.top or one.bottom)


def tables(facts: Iterable[Path], people: Iterable[Path], weeks: Iterable[Path]) -> Tables:
    return Tables(facts=[*map(str, facts)], people=[*map(str, people)], weeks=[*map(str, weeks)])
