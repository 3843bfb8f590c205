"""Answers from rollups at 1, 10 and 100 times the size, and weekly adoption from facts beside SQL written by hand.

    python benchmarks/hub/answers.py [--company FOLDER] [--weeks N] [--facts N]

FOLDER is a hub with the generated company of 350,000 people and 52 weeks, where it is at hand:
meshclaw hub demo --people 350000 --weeks 52 --folder FOLDER. Without it that is made first, which takes minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
from measure import PYTHON, Row, ratios, run, show
from measure import ROOT as CHECKOUT

from meshclaw.metrics.ask import ask
from meshclaw.metrics.catalog import ALL
from meshclaw.metrics.catalog.adoption import ADOPTION
from meshclaw.metrics.folder import Folder, connected, put
from meshclaw.metrics.query.duckdb import DuckDB, parquet
from meshclaw.metrics.query.engine import tables
from meshclaw.metrics.subset import compiled
from meshclaw.testing.company.company import make
from meshclaw.testing.company.facts import of_week
from meshclaw.testing.company.people import ROOT, Shape, draw

PEOPLE, ROUNDS = 350_000, 9
FIRST = date(2025, 11, 24)
BY_HAND = """
SELECT weeks.quarter, weeks.week, people.unit, coalesce(n, 0), people.people
FROM weeks JOIN people USING (quarter) LEFT JOIN (
  SELECT quarter, week, unit, count(DISTINCT who) AS n FROM {facts} WHERE kind IN ('used', 'worked') GROUP BY ALL
) USING (quarter, week, unit)
"""


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    before = clock()
    work()
    return clock() - before


def answers(folder: Folder, name: str, *, bound: bool) -> list[Row]:
    """Each metric for the whole company and all of its weeks, in milliseconds; first those of one new process."""
    weeks = [date.fromisoformat(week.monday) for week in folder.rolled()]
    since, until = min(weeks), max(weeks) + timedelta(days=6)
    rows = list[Row]()
    for metric in ALL:
        ask(folder, metric, ROOT, since, until)
        clock, cpu = list[float](), list[float]()
        for _ in range(ROUNDS):
            before = time.process_time()
            clock.append(1e3 * timed(lambda metric=metric: ask(folder, metric, ROOT, since, until)))
            cpu.append(1e3 * (time.process_time() - before))
        what = f"{name}: {metric.slug}"
        rows.append(Row(what=what, values=clock, unit="ms", at_most=200 if bound else None))
        rows.append(Row(what=f"{what}, CPU", values=cpu, unit="ms"))
    words = ["ask", "decisions", "--unit", ROOT, "--since", since.isoformat(), "--until", until.isoformat()]
    command = [PYTHON, "-m", "meshclaw", "metrics", *words, "--json", "--folder", str(folder.path)]
    cold = [run(command, add={"PYTHONPATH": str(CHECKOUT / "src")}) for _ in range(3)]
    most = 2.0 if bound else None
    rows.append(
        Row(what=f"{name}: decisions, cold", values=[one.wall_s for one in cold], unit="s", at_most=most)
    )
    return [*rows, Row(what=f"{name}: decisions, cold, CPU", values=[one.cpu_s for one in cold], unit="s")]


def recompute(scratch: Path, wanted: int) -> list[Row]:
    """Weekly adoption from at least ``wanted`` facts in Parquet, beside SQL by hand over the same files."""
    shape, folder, count = Shape(people=PEOPLE, weeks=52, seed=7, first=date(2026, 1, 5)), Folder(scratch), 0
    with connected(folder) as connection:
        draw(connection, shape)
        mine = [week for week in shape.parts() if week.quarter == "2026Q1"]
        put(
            connection, "SELECT '2026Q1' AS quarter, unit, COUNT(*) AS people FROM person GROUP BY unit",
            folder.people("2026Q1"),
        )  # fmt: skip
        taken = list[str]()
        for week in mine:
            if count < wanted:
                put(connection, of_week(shape, week, ids=True), folder.facts(week))
                found = connection.execute(
                    f"SELECT COUNT(*) FROM {parquet([str(folder.facts(week))])}"
                ).fetchone()
                count += found[0] if found else 0
                taken.append(f"('{week.quarter}', '{week.monday}')")
        weeks = scratch / "weeks.parquet"
        put(connection, f"SELECT * FROM (VALUES {', '.join(taken)}) AS one(quarter, week)", weeks)
    facts = [folder.facts(week) for week in folder.weeks()]
    with duckdb.connect() as connection:
        DuckDB(connection, tables(facts, [folder.people("2026Q1")], [weeks]))
        by_hand = BY_HAND.format(facts=parquet([str(file) for file in facts]))
        sides = [compiled(ADOPTION, "duckdb"), by_hand]
        one, other = (sorted(connection.execute(side).fetchall()) for side in sides)
        if [(*row[:3], *row[4:]) for row in one] != other:
            raise SystemExit("the two do not say the same")
        ours, theirs = list[float](), list[float]()
        for _ in range(ROUNDS):
            for text, times in zip(sides, (ours, theirs), strict=True):
                query = f"CREATE OR REPLACE TEMP TABLE answer AS {text}"
                times.append(timed(lambda query=query: connection.execute(query), time.process_time))
    what = f"weekly adoption from {count:,} facts"
    return [
        Row(what=f"{what}: CPU", values=ours, unit="s"),
        Row(what="  written by hand: CPU", values=theirs, unit="s"),
        Row(what="  of that", values=ratios(ours, theirs), at_most=1.5),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--company", type=Path, default=None)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--facts", type=int, default=5_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = list[Row]()
        for part in (100, 10, 1):
            people, folder = PEOPLE // part, Path(scratch) / str(part)
            if part == 1 and given.company:
                folder = given.company
            else:
                make(folder, Shape(people=people, weeks=given.weeks, seed=7, first=FIRST))
            rows += answers(Folder(folder), f"{people:,} people", bound=part == 1)
        rows += recompute(Path(scratch) / "facts", given.facts)
    sys.exit(show(rows))


if __name__ == "__main__":
    main()
