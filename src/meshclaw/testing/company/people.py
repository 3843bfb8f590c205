"""Who is in the generated company: people with habits, units, and when they come and go. All of it is SQL of DuckDB,
drawn by a hash of the seed, the person and what is drawn: no order of work changes it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count

import msgspec
from duckdb import DuckDBPyConnection

from meshclaw.errors import UserError
from meshclaw.flow.fact import quarter_of
from meshclaw.metrics.folder import Week

TEAM, SPAN = 12, 8
"""People of a team; units in the unit above."""
ROOT = "company"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    people: int
    weeks: int
    seed: int
    first: date
    """The Monday of its first week."""

    def __post_init__(self) -> None:
        if self.first.weekday() or not 0 < self.people <= 10_000_000 or not 0 < self.weeks <= 520:
            raise UserError(
                "a company has 1 to 10,000,000 people and 1 to 520 weeks, the first of which is a Monday"
            )

    def parts(self) -> list[Week]:
        """A week on the edge of two quarters is in both."""
        days = [self.first + timedelta(days=at) for at in range(self.weeks * 7)]
        return sorted(
            {Week(quarter_of(day), (day - timedelta(days=day.weekday())).isoformat()) for day in days}
        )


def units(people: int) -> dict[str, str | None]:
    """Each unit's parent; teams are level 0."""
    found = dict[str, str | None]()
    size = -(-people // TEAM)
    for level in count():
        above = -(-size // SPAN)
        last = size <= SPAN
        found |= {unit(level, at): ROOT if last else unit(level + 1, at // SPAN) for at in range(size)}
        if last:
            return {**found, ROOT: None}
        size = above
    raise AssertionError


def unit(level: int, at: int) -> str:
    return f"unit-{level}-{at}"


def chance(label: str, *of: str) -> str:
    """A number from 0 to 9,999 in SQL; the same for the same label, seed and ``of``."""
    return f"CAST(hash('{label}', seed, {', '.join(of)}) % 10000 AS BIGINT)"


def draw(connection: DuckDBPyConnection, shape: Shape) -> None:
    """The table ``person``: number, unit, habit (chance of an active week), days (of an active week), from which week
    to which they are there, and whether they play the game: many cheap calls that nothing comes of."""
    connection.execute(
        f"""
CREATE TEMP TABLE IF NOT EXISTS person AS
WITH number AS (SELECT CAST(range AS BIGINT) AS i, CAST({shape.seed} AS BIGINT) AS seed FROM range({shape.people}))
SELECT i, seed, 'unit-0-' || (i // {TEAM}) AS unit,
  CASE WHEN {chance("never", "i")} < 1500 THEN 0 ELSE 3000 + {chance("habit", "i")} * 65 // 100 END AS habit,
  1 + {chance("days", "i")} % 5 AS days,
  CASE WHEN {chance("joins", "i")} < 1000 THEN {chance("joined", "i")} % {shape.weeks} ELSE 0 END AS first_week,
  CASE WHEN {chance("leaves", "i")} < 800 THEN {chance("left", "i")} % {shape.weeks} ELSE {shape.weeks} END
    AS last_week,
  {chance("plays", "i")} < 200 AS plays
FROM number"""
    )


def present(shape: Shape, quarter: str) -> str:
    """Whoever is there in a week of the quarter counts in it, in SQL."""
    numbers = [
        (date.fromisoformat(week.monday) - shape.first).days // 7
        for week in shape.parts()
        if week.quarter == quarter
    ]
    return f"(first_week <= {max(numbers)} AND last_week > {min(numbers)} AND last_week > first_week)"


def counts(connection: DuckDBPyConnection, shape: Shape, quarter: str) -> list[tuple[str, int]]:
    where = present(shape, quarter)
    return connection.execute(
        f"SELECT unit, COUNT(*) FROM person WHERE {where} GROUP BY unit ORDER BY unit"
    ).fetchall()
