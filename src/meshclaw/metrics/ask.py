"""Answers for a unit and a time, from what is rolled up. There is no way to name a person in a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

import duckdb
import msgspec
from duckdb import DuckDBPyConnection

from meshclaw.errors import NotFound, UserError
from meshclaw.flow.fact import quarter_of
from meshclaw.metrics.folder import Folder
from meshclaw.metrics.metric import Metric, Part
from meshclaw.metrics.query.duckdb import parquet

By = Literal["week", "quarter"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    metric: str
    version: int
    grade: str
    measured_in: str
    unit: str
    """Whose answer it is, with all units below it."""
    since: str
    until: str
    by: By
    rows: tuple[Part, ...]
    """One for each week (or quarter) and slice."""
    whole: tuple[Part, ...]
    """All of the time, one for each slice; none where people would be counted twice."""


def ask(folder: Folder, metric: Metric, unit: str, since: date, until: date, *, by: By = "week") -> Answer:
    """Weeks that have a day in the time from ``since`` to ``until``; by quarter, all of every quarter it touches.

    NotFound where there is no such unit, or nothing is rolled up for this version of the metric.
    """
    if until < since:
        raise UserError(f"the time from {since} to {until} ends before it begins")
    quarters = _quarters(since, until)
    grain = "quarter" if by == "quarter" and metric.adds == "distinct" else "week"
    files = [file for one in quarters if (file := folder.answers(metric, grain, one)).exists()]
    if not files:
        raise NotFound(
            f"nothing is rolled up for {metric.slug!r} from {since} to {until}",
            fix="meshclaw hub compact --rebuild",
        )
    first = since - timedelta(days=since.weekday())
    span = "" if by == "quarter" else "AND week BETWEEN ? AND ?"
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT * FROM {parquet([*map(str, files)])} WHERE unit = ? {span}",
            [unit, *([first.isoformat(), until.isoformat()] if span else [])],
        ).fetchall()
        if not rows and not _is_known(connection, folder, quarters, unit):
            raise NotFound(f"there was no unit {unit!r} from {since} to {until}")
    found = [Part(quarter=q, week=w, unit=u, slice=s, top=t, bottom=b) for q, w, u, s, t, b in rows]
    if by == "quarter":
        found = added(msgspec.structs.replace(part, week="") for part in found)
    return Answer(
        metric=metric.slug, version=metric.version, grade=metric.grade, measured_in=metric.unit, unit=unit,
        since=since.isoformat(), until=until.isoformat(), by=by, rows=tuple(sorted(found)),
        whole=() if metric.adds == "distinct" else tuple(
            added(msgspec.structs.replace(part, week="", quarter="") for part in found)
        ),
    )  # fmt: skip


def _is_known(connection: DuckDBPyConnection, folder: Folder, quarters: Sequence[str], unit: str) -> bool:
    trees = [str(folder.tree(one)) for one in quarters if folder.tree(one).exists()]
    return (
        connection.execute(f"SELECT 1 FROM {parquet(trees)} WHERE above = ? LIMIT 1", [unit]).fetchone()
        is not None
    )


def added(parts: Iterable[Part]) -> list[Part]:
    """Rows that name the same are one, tops and bottoms each added up."""
    sums = dict[tuple[str, str, str, str], tuple[int, int]]()
    for part in parts:
        key = (part.quarter, part.week, part.unit, part.slice)
        top, bottom = sums.get(key, (0, 0))
        sums[key] = (top + part.top, bottom + part.bottom)
    return [
        Part(quarter=q, week=w, unit=u, slice=s, top=top, bottom=bottom)
        for (q, w, u, s), (top, bottom) in sorted(sums.items())
    ]


def _quarters(since: date, until: date) -> Sequence[str]:
    """That have a day in the time, its first week's days before ``since`` among them."""
    at, found = since - timedelta(days=since.weekday()), list[str]()
    while at <= until:
        found.append(quarter_of(at))
        at += timedelta(days=27)
    return sorted({*found, quarter_of(until)})
