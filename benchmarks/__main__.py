"""Every benchmark, one after the other, and then in one place which bounds held: ``make bench``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
BENCHMARKS = (
    "triage",
    "start",
    "idle",
    "daemon",
    "with_slack",
    "ledger",
    "install",
    "junk",
    "decision",
    "memory",
    "sandbox",
    "usage/otlp",
    "usage/reading",
    "usage/quarter",
    "models/ask",
    "loop",
    "together",
    "hub/ingest",
    "hub/company",
    "hub/answers",
)
VERDICTS = ("kept", "MISSED", "the goal.")
"""How a line ends that holds a bound against a number."""


def run(name: str) -> list[str]:
    """Show the benchmark's table as it comes; the lines with a verdict, or why there are none."""
    print(f"== {name}", flush=True)
    command = [sys.executable, str(FOLDER / f"{name}.py")]
    verdicts: list[str] = []
    # a benchmark in a folder of its own shares ``measure`` too, and the servers of the tests
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(FOLDER), str(FOLDER.parent), os.environ.get("PYTHONPATH")))
        )
    }
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            verdicts += [line.rstrip()] if line.rstrip().endswith(VERDICTS) else []
    return verdicts or [f"no number: it ended with {process.returncode}"]


def main() -> int:
    told = {name: run(name) for name in BENCHMARKS}
    print("\n== all bounds")
    for name, lines in told.items():
        for line in lines:
            print(f"{name:<8} {line}")
    lines = [line for lines in told.values() for line in lines]
    missed = sum(line.endswith("MISSED") or "NOT reach" in line for line in lines)
    absent = sum(line.startswith("no number") for line in lines)
    print(f"{len(lines) - missed - absent} kept, {missed} missed, {absent} without a number")
    return 1 if missed or absent else 0


if __name__ == "__main__":
    sys.exit(main())
