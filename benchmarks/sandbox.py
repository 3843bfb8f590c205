"""What a sandbox adds to starting a process: ``true`` in one, beside ``true`` alone, by wall clock.

Run: python benchmarks/sandbox.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import Row, ratios, show

from meshclaw.guard.sandbox import probe
from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.profile import Profile
from meshclaw.guard.sandbox.run import find, run

ROUNDS = 200
OVER_MS = 15


def measure(work: Path) -> list[Row]:
    first_come = go_first()
    alone = Profile(work=work)
    reaching = Profile(work=work, egress=(Rule(host="example.com"),))
    bwrap = find().path
    plain = [bwrap, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    bare, minimal, without, with_ = in_turn(
        lambda: subprocess.run(["true"], check=True),
        lambda: subprocess.run(plain, check=True),
        lambda: run(alone, ["true"]),
        lambda: run(reaching, ["true"]),
    )
    first = [took(lambda: probe.canaries(bwrap, egress=True)) for _ in range(5)]
    note = f"Over the bare process, round by round; proxy and filter set up anew each time. {first_come}"
    return [
        Row(what="true alone", values=bare, unit="ms"),
        Row(what="bwrap, whole system, no filter", values=minimal, unit="ms"),
        Row(what="in a sandbox", values=without, unit="ms"),
        Row(what="in a sandbox with a way out", values=with_, unit="ms"),
        Row(what="the sandbox adds", values=less(without, bare), unit="ms", at_most=OVER_MS, note=note),
        Row(what="with a way out it adds", values=less(with_, bare), unit="ms", at_most=OVER_MS, note=note),
        Row(what="in a sandbox / plain bwrap", values=ratios(without, minimal), unit="times"),
        Row(what="canaries, once per process", values=first, unit="ms"),
    ]


def in_turn(*steps: Callable[[], object]) -> list[list[float]]:
    """Milliseconds of each step once per round, after a first round that warms the caches and frees the canaries."""
    for step in steps:
        step()
    found = [[took(step) for step in steps] for _ in range(ROUNDS)]
    return [list(column) for column in zip(*found, strict=True)]


def took(step: Callable[[], object]) -> float:
    before = time.perf_counter()
    step()
    return (time.perf_counter() - before) * 1000


def go_first() -> str:
    """Ahead of whoever else uses the machine, where the system lets us: the bound is about the sandbox."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except (OSError, AttributeError):
        return "Measured beside whatever else ran; with the right to go first others count less."
    return "Measured ahead of whatever else ran (SCHED_RR)."


def less(ours: list[float], bare: list[float]) -> list[float]:
    return [one - other for one, other in zip(ours, bare, strict=True)]


def main() -> int:
    if find().kind != "bubblewrap":
        raise SystemExit("needs bubblewrap (apt install bubblewrap)")
    with tempfile.TemporaryDirectory(prefix="meshclaw-", dir="/var/tmp") as top:
        work = Path(top, "work")
        work.mkdir()
        os.environ["MESHCLAW_HOME"] = str(Path(top, "home"))
        rows = measure(work)
    code = show(rows)
    print(
        f"{statistics.median(rows[3].values) / statistics.median(rows[0].values):.0f} times the bare process"
    )
    return code


if __name__ == "__main__":
    raise SystemExit(main())
