"""What a metric may be written in, and that no answer can be finer than a unit."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from meshclaw.errors import UserError
from meshclaw.metrics.catalog import ALL
from meshclaw.metrics.metric import OUTPUT, Metric, Part
from meshclaw.metrics.subset import check, compiled

APPROVED = Path(__file__).parent / "approved"
HEAD = "SELECT quarter, week, unit, '' AS slice"
TAIL = "FROM facts GROUP BY quarter, week, unit"


def metric(query: str, **more: str) -> Metric:
    return msgspec.convert(
        {"slug": "x", "words": "", "unit": "", "adds": "sum", "query": query, **more}, Metric
    )


@pytest.mark.parametrize("one", ALL, ids=lambda metric: metric.slug)
def test_no_column_of_an_answer_names_a_person_or_a_day(one: Metric) -> None:
    assert tuple(check(one).named_selects) == OUTPUT
    assert not {"who", "day"} & {*OUTPUT, *(field.name for field in msgspec.structs.fields(Part))}
    assert one.grain == ("week", "unit")


def test_slugs_are_one_of_a_kind() -> None:
    assert len({one.slug for one in ALL}) == len(ALL)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "clickhouse", "spark"])
@pytest.mark.parametrize("one", ALL, ids=lambda metric: metric.slug)
def test_what_engines_are_asked_is_what_somebody_read(one: Metric, dialect: str) -> None:
    """After a change on purpose: python tests/metrics/test_subset.py writes the files anew."""
    assert compiled(one, dialect) + "\n" == (APPROVED / f"{one.slug}.{dialect}.sql").read_text("utf-8")


COUNTED = "COUNT(*) AS top, 0 AS bottom"
KEYS = "quarter, week, unit"
BY_RULE = f"SELECT {KEYS}, rule AS slice, {COUNTED} FROM a GROUP BY {KEYS}, rule"
REFUSED = [
    ("not SQL at all (", "no SQL"),
    ("DROP TABLE facts", "not one SELECT"),
    (f"{HEAD}, 1 AS top, 0 AS bottom {TAIL}; {HEAD}, 1 AS top, 0 AS bottom {TAIL}", "not one SELECT"),
    (f"SELECT {KEYS}, who AS slice, {COUNTED} FROM facts GROUP BY ALL", "slices by who"),
    (f"SELECT {KEYS}, who AS slice, {COUNTED} FROM facts GROUP BY {KEYS}, who", "slices by who"),
    (f"SELECT {KEYS}, day AS slice, {COUNTED} FROM facts GROUP BY {KEYS}, day", "slices by day"),
    (f"{HEAD}, {COUNTED} FROM facts GROUP BY {KEYS}, who", "groups by"),
    (f"SELECT quarter, week, who AS unit, '' AS slice, {COUNTED} FROM facts", "gives as unit"),
    (f"{HEAD}, MAX(count) AS top, 0 AS bottom {TAIL}", "uses Max"),
    (f"{HEAD}, MEDIAN(count) AS top, 0 AS bottom {TAIL}", "uses Median"),
    (f"{HEAD}, SUM(count) / 2 AS top, 0 AS bottom {TAIL}", "uses Div"),
    (f"{HEAD}, SUM(SUM(count)) OVER () AS top, 0 AS bottom {TAIL}", "uses Window"),
    (f"{HEAD}, SUM(hash(who)) AS top, 0 AS bottom {TAIL}", "uses"),
    (f"{HEAD}, {COUNTED} FROM facts WHERE who = 'aa' GROUP BY {KEYS}", "shows 'who'"),
    (f"{HEAD}, COUNT(DISTINCT CASE WHEN who > 'a' THEN who END) AS top, 0 AS bottom {TAIL}", "shows 'who'"),
    (f"{HEAD}, {COUNTED} FROM read_parquet('/etc/x') GROUP BY {KEYS}", "uses"),
    (f"{HEAD}, {COUNTED} FROM person GROUP BY {KEYS}", "reads"),
    (f"{HEAD}, SUM(id) AS top, 0 AS bottom {TAIL}", "reads the column 'id'"),
    (f"{HEAD}, {COUNTED} {TAIL} LIMIT 1", "uses Limit"),
    (f"{HEAD}, SUM(count) AS top {TAIL}", "gives"),
    (
        f"WITH a AS (SELECT {KEYS}, who, SUM(count) AS rule FROM facts GROUP BY {KEYS}, who) {BY_RULE}",
        "shows 'who'",
    ),
    (f"WITH a AS (SELECT {KEYS}, who AS rule FROM facts) {BY_RULE}", "shows 'who'"),
    (f"WITH a AS (SELECT * FROM facts) {HEAD}, {COUNTED} FROM a GROUP BY {KEYS}", "selects"),
    (f"{HEAD}, {COUNTED} FROM facts, people GROUP BY {KEYS}", "joins"),
]


@pytest.mark.parametrize(("query", "said"), REFUSED)
def test_the_rest_of_sql_is_refused(query: str, said: str) -> None:
    slices = next((name for name in ("rule", "who", "day") if f"{name} AS slice" in query), "")
    with pytest.raises(UserError, match=re.escape(said)):
        check(metric(query, slices=slices))


def test_people_counted_once_cannot_be_added_up() -> None:
    with pytest.raises(UserError, match="adds up"):
        check(metric(f"{HEAD}, SUM(count) AS top, 0 AS bottom {TAIL}", adds="distinct"))


if __name__ == "__main__":
    APPROVED.mkdir(exist_ok=True)
    for one in ALL:
        for dialect in ("duckdb", "postgres", "clickhouse", "spark"):
            (APPROVED / f"{one.slug}.{dialect}.sql").write_text(compiled(one, dialect) + "\n", "utf-8")
