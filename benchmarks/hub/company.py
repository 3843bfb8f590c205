"""A generated company's rollups, at 1, 10 and 100 times the size: 350,000 people and 52 weeks at most.

    python benchmarks/hub/company.py [--people N] [--weeks N]

One round each: it is minutes of work. CPU time is that of the process with all its threads.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from measure import Row, show

from meshclaw.testing.company.company import make
from meshclaw.testing.company.people import Shape

FIRST = date(2025, 11, 24)


def measure(people: int, weeks: int) -> tuple[float, float, float]:
    """Seconds by the clock, of CPU time, and megabytes on disk."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "hub"
        wall, cpu = time.perf_counter(), time.process_time()
        make(folder, Shape(people=people, weeks=weeks, seed=7, first=FIRST))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return wall, cpu, size / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=350_000)
    parser.add_argument("--weeks", type=int, default=52)
    given = parser.parse_args()
    rows = list[Row]()
    for part in (100, 10, 1):
        people = given.people // part
        wall, cpu, size = measure(people, given.weeks)
        what = f"{people:,} people, {given.weeks} weeks"
        rows += [
            Row(what=f"{what}: clock", values=[wall], unit="s", at_most=300 if part == 1 else None),
            Row(what=f"{what}: CPU", values=[cpu], unit="s"),
            Row(what=f"{what}: on disk", values=[size], unit="MB"),
        ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    sys.exit(show([*rows, Row(what="peak memory", values=[peak], unit="MB")]))


if __name__ == "__main__":
    main()
