"""What every metric must come to, counted in plain Python from facts: slow, and nothing of it is SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb

from meshclaw.metrics.folder import Folder, Week
from meshclaw.metrics.metric import Part
from meshclaw.metrics.query.duckdb import parquet

STOOD = {"stood", "edited"}
ACTIVE = {"used", "worked"}
Row = Mapping[str, Any]
Rows = Sequence[Row]
Ratio = tuple[int, int]


class Where(NamedTuple):
    quarter: str
    week: str
    unit: str


def facts(folder: Folder) -> Rows:
    return _rows(folder.weeks(), folder.facts)


def people(folder: Folder) -> dict[tuple[str, str], int]:
    """By quarter and unit."""
    quarters = sorted({Week(week.quarter, "") for week in folder.weeks()})
    rows = _rows(quarters, lambda week: folder.people(week.quarter))
    return {(row["quarter"], row["unit"]): row["people"] for row in rows}


def _rows(weeks: Iterable[Week], file: Callable[[Week], Any]) -> Rows:
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM {parquet([str(file(week)) for week in weeks])}")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def truth(slug: str, rows: Rows, of: Mapping[tuple[str, str], int]) -> list[Part]:
    """Each unit's own parts in order, those with nothing in them left out. ``of``: people by quarter and unit."""
    groups = defaultdict[Where, list[Row]](list)
    for row in rows:
        groups[Where(row["quarter"], row["week"], row["unit"])].append(row)
    for quarter, week in {(where.quarter, where.week) for where in groups}:
        for known, unit in of:
            if known == quarter:
                groups.setdefault(Where(quarter, week, unit), [])
    found = list[Part]()
    for where, mine in groups.items():
        size = of.get((where.quarter, where.unit), 0)
        found += [
            Part(**where._asdict(), slice=slice_, top=top, bottom=bottom)
            for slice_, (top, bottom) in METRICS[slug](mine, size).items()
            if top or bottom
        ]
    return sorted(found)


def _who(rows: Rows, kinds: set[str], outcomes: set[str] | None = None) -> set[str]:
    return {
        row["who"]
        for row in rows
        if row["kind"] in kinds and (outcomes is None or row["outcome"] in outcomes)
    }


def _adoption(rows: Rows, people: int) -> dict[str, Ratio]:
    return {"": (len(_who(rows, ACTIVE)), people)}


def _engagement(rows: Rows, _: int) -> dict[str, Ratio]:
    days = {(row["who"], row["day"]) for row in rows if row["kind"] in ACTIVE}
    return {"": (len(days), len({who for who, _ in days}))}


def _acted(rows: Rows, _: int) -> dict[str, Ratio]:
    return {"": (len(_who(rows, {"settled"})), len(_who(rows, ACTIVE | {"settled"})))}


def _settled(rows: Rows, _: int) -> dict[str, Ratio]:
    return {"": (len(_who(rows, {"settled"}, STOOD)), len(_who(rows, ACTIVE | {"settled"})))}


def _sums(kind: str, slice_: str, number: str) -> Callable[[Rows, int], dict[str, Ratio]]:
    def metric(rows: Rows, _: int) -> dict[str, Ratio]:
        sums = Counter[str]()
        for row in rows:
            if row["kind"] == kind:
                sums[row[slice_]] += row[number]
        return {name: (total, 0) for name, total in sums.items()}

    return metric


def _cost_per_outcome(rows: Rows, _: int) -> dict[str, Ratio]:
    cost, deeds = Counter[str](), Counter[str]()
    for row in rows:
        if row["kind"] == "used":
            cost[row["intent"]] += row["cost_micros"]
        elif row["kind"] == "settled" and row["outcome"] in STOOD:
            deeds[row["intent"]] += row["count"]
    return {intent: (cost[intent], deeds[intent]) for intent in cost | deeds}


def _hasty(rows: Rows, _: int) -> dict[str, Ratio]:
    answers = [row for row in rows if row["kind"] == "answered" and row["verdict"] != "expired"]
    return {"": (sum(row["hasty"] for row in answers), sum(row["count"] for row in answers))}


METRICS: dict[str, Callable[[Rows, int], dict[str, Ratio]]] = {
    "adoption": _adoption, "engagement": _engagement, "depth-acted": _acted, "depth-settled": _settled,
    "spend": _sums("used", "cell", "cost_micros"), "cost-per-outcome": _cost_per_outcome,
    "outcomes": _sums("settled", "outcome", "count"), "approvals-hasty": _hasty,
    "decisions": _sums("decided", "rule", "count"),
}  # fmt: skip
