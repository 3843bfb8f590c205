"""Whole processes measured by the kernel, ours and the yardstick in turn, and the one table they end in."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
MESHCLAW = str(Path(PYTHON).with_name("meshclaw"))
KEPT, MISSED = "kept", "MISSED"
MB = 1_000_000


class Child(msgspec.Struct, frozen=True, kw_only=True):
    cpu_s: float
    """User and system time of the process and of what it waited for."""
    wall_s: float
    peak_mb: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    values: Sequence[float]
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        if self.at_most is not None:
            return KEPT if self.median <= self.at_most else MISSED
        if self.at_least is not None:
            return KEPT if self.median >= self.at_least else MISSED
        return ""


def run(arguments: Sequence[str], *, home: Path | None = None, add: Mapping[str, str] | None = None) -> Child:
    """One child from start to end. Bytecode is cached as in a real install; its output is thrown away."""
    before = time.perf_counter()
    process = subprocess.Popen(arguments, env=environment(home) | dict(add or {}), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments[:4])} ... ended with {process.returncode}")
    # Linux counts kibibytes, and counts this process's own size in until the child has replaced it:
    # whoever measures memory must stay small.
    return Child(cpu_s=used.ru_utime + used.ru_stime, wall_s=wall_s, peak_mb=used.ru_maxrss * 1024 / MB)


def environment(home: Path | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MESHCLAW"))}
    return kept | ({"MESHCLAW_HOME": str(home)} if home else {})


def in_turn(rounds: int, *steps: Callable[[], Child]) -> list[list[Child]]:
    """Each step once per round, after a first round that only warms the caches."""
    for step in steps:
        step()
    found = [[step() for step in steps] for _ in range(rounds)]
    return [list(column) for column in zip(*found, strict=True)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round: what disturbs a round disturbs both sides of it."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def show(rows: Sequence[Row]) -> int:
    """Print the table; the exit code says whether every bound was kept."""
    width = max(len(row.what) for row in rows)
    print(f"{'':<{width}}{'min':>12}{'median':>12}{'max':>12}  {'bound':<14}")
    for row in rows:
        numbers = "".join(f"{_number(f(row.values))}" for f in (min, statistics.median, max))
        print(f"{row.what:<{width}}{numbers}  {_bound(row):<14}{row.verdict}".rstrip())
    for note in dict.fromkeys(row.note for row in rows if row.note):
        print(note)
    return 1 if any(row.verdict == MISSED for row in rows) else 0


def _number(value: float) -> str:
    return f"{value:>12,.0f}" if value >= 1000 else f"{value:>12.3g}"


def _bound(row: Row) -> str:
    if row.at_most is not None:
        return f"<= {row.at_most:,.3g} {row.unit}"
    return f">= {row.at_least:,.0f} {row.unit}" if row.at_least is not None else f"   {row.unit}"
