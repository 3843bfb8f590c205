"""How long ``meshclaw --help`` takes, beside a Python that does nothing.

Run: python benchmarks/start.py
"""

from __future__ import annotations

import statistics

from measure import MESHCLAW, PYTHON, Row, in_turn, ratios, run, show

ROUNDS = 10
QUICK_S, TIMES = 0.25, 4


def measure() -> list[Row]:
    columns = in_turn(ROUNDS, lambda: run([MESHCLAW, "--help"]), lambda: run([PYTHON, "-c", "pass"]))
    ours, nothing = ([child.wall_s for child in column] for column in columns)
    bound = max(QUICK_S, TIMES * statistics.median(nothing))
    note = f"The bound is {QUICK_S} s, or {TIMES} times python -c pass where that is more."
    return [
        Row(what="meshclaw --help", values=ours, unit="s", at_most=bound, note=note),
        Row(what="python -c pass", values=nothing, unit="s"),
        Row(what="--help / pass", values=ratios(ours, nothing), unit="times"),
    ]


if __name__ == "__main__":
    raise SystemExit(show(measure()))
