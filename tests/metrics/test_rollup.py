"""Rollups say what the facts say: for units with all below them, for weeks, and for people over whole quarters."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest

from meshclaw.errors import NotFound, UserError
from meshclaw.metrics.ask import added, ask
from meshclaw.metrics.catalog import ALL, find
from meshclaw.metrics.folder import Folder
from meshclaw.metrics.metric import Metric, Part
from meshclaw.metrics.query.duckdb import parquet
from meshclaw.metrics.rollup import roll
from meshclaw.testing.company.people import ROOT, units
from meshclaw.testing.company.truth import facts, people, truth
from tests.metrics.conftest import SHAPE

SINCE, UNTIL = SHAPE.first, SHAPE.first + timedelta(weeks=SHAPE.weeks, days=-1)
UNITS = [ROOT, "unit-1-0", "unit-0-3"]


def below(unit: str) -> set[str]:
    parents, found = units(SHAPE.people), {unit}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def with_all_below(parts: list[Part], unit: str) -> list[Part]:
    mine = below(unit)
    return added(msgspec.structs.replace(part, unit=unit) for part in parts if part.unit in mine)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.slug)
def test_weeks(company: Folder, metric: Metric, unit: str) -> None:
    rows = [part for part in ask(company, metric, unit, SINCE, UNTIL).rows if part.top or part.bottom]
    assert rows == with_all_below(truth(metric.slug, facts(company), people(company)), unit)
    assert rows


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.slug)
def test_quarters(company: Folder, metric: Metric, unit: str) -> None:
    """People once, however many weeks they come in; everything else as its weeks add up."""
    rows = facts(company)
    if metric.adds == "distinct":
        rows = [{**row, "week": ""} for row in rows]
    expected = [msgspec.structs.replace(part, week="") for part in truth(metric.slug, rows, people(company))]
    found = ask(company, metric, unit, SINCE, UNTIL, by="quarter")
    assert list(found.rows) == with_all_below(expected, unit)


def test_people_are_not_added_up_over_weeks(company: Folder) -> None:
    weekly = ask(company, find("adoption"), ROOT, SINCE, UNTIL)
    whole = ask(company, find("adoption"), ROOT, SINCE, UNTIL, by="quarter")
    quarter = whole.rows[0]
    assert weekly.whole == whole.whole == ()
    assert max(part.top for part in weekly.rows) < quarter.top <= quarter.bottom
    assert sum(part.top for part in weekly.rows if part.quarter == quarter.quarter) > quarter.top


def test_only_the_weeks_that_are_asked_for(company: Folder) -> None:
    answer = ask(company, find("spend"), ROOT, date(2025, 12, 3), date(2025, 12, 8))
    assert {part.week for part in answer.rows} == {"2025-12-01", "2025-12-08"}
    sums = defaultdict[str, int](int)
    for part in answer.rows:
        sums[part.slice] += part.top
    assert {part.slice: part.top for part in answer.whole} == sums


def test_made_anew_from_facts_they_are_the_same(company: Folder, tmp_path: Path) -> None:
    copy = Folder(tmp_path / "hub")
    shutil.copytree(company.path, copy.path)
    shutil.rmtree(copy.path / "rollups" / "answers")
    shutil.rmtree(copy.path / "rollups" / "person_week")
    for week in reversed(copy.weeks()):  # one at a time, the last first
        roll(copy, [week])
    answers = sorted(
        path.relative_to(company.path) for path in company.path.rglob("rollups/answers/**/*.parquet")
    )
    assert len(answers) == 2 * (len(ALL) + 3)
    for file in [
        *answers,
        *(company.person_week(week).relative_to(company.path) for week in company.weeks()),
    ]:
        assert content(copy.path / file) == content(company.path / file), file


def content(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT * FROM {parquet([str(file)])} ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    ("unit", "since", "until", "error"),
    [
        ("nowhere", SINCE, UNTIL, NotFound),
        (ROOT, UNTIL, SINCE, UserError),
        (ROOT, date(1999, 1, 1), date(1999, 2, 1), NotFound),
        ("' OR 1=1 --", SINCE, UNTIL, NotFound),
    ],
)
def test_what_is_not_there(
    company: Folder, unit: str, since: date, until: date, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(company, find("adoption"), unit, since, until)
