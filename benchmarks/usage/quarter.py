"""A store of 1,000,000 calls: ``show --by intent`` for a quarter, as a whole process and beyond start-up.

Run: PYTHONPATH=benchmarks python benchmarks/usage/quarter.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from measure import PYTHON, Row, in_turn, run, show

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.readers.all import READERS
from meshclaw.usage.labels import judge_of, version

CALLS = 1_000_000
DAYS, SESSIONS, REPOS, INTENTS = 180, 40_000, 60, 40
FIRST_MS = 1_767_225_600_000
"""2026-01-01."""
ROUNDS = 9
DAY_MS = 86_400_000
MODELS = ("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")


def call(number: int) -> Usage:
    """Spread so that every session, folder, intent and model comes on every day: the sums are as large as can be."""
    return Usage(
        tool="claude-code", evidence="transcript", key=f"req_{number:024}", message=f"msg_{number:024}",
        at=FIRST_MS + number * 7919 % DAYS * DAY_MS, model=MODELS[number % 3], provider="anthropic",
        tokens=Tokens(input_uncached=5, cache_read=number % 90_000, cache_write_5m=900, output=number % 700),
        session=f"session-{number % SESSIONS}", repo=f"/work/repo-{number % REPOS}",
        branch=f"fix/PAY-{1 + number % INTENTS}", did=("Edit",), files=("py",),
    )  # fmt: skip


def fill(path: Path) -> None:
    store, judge = UsageStore(path), judge_of(READERS, None)
    store.judge_again(version(None), judge)
    for start in range(0, CALLS, 50_000):
        with store.writing():
            for number in range(start, start + 50_000):
                store.add(call(number), judge)
            store.flush(judge)
    store.close()


def main(state: Path, user: Path) -> int:
    fill(state / "usage.db")
    words = (PYTHON, "-m", "meshclaw")
    ask = (
        *words,
        "usage",
        "show",
        "--by",
        "intent",
        "--since",
        "2026-02-01",
        "--until",
        "2026-04-30",
        "--json",
    )
    add = {"HOME": str(user)}
    asked, start = in_turn(
        ROUNDS, lambda: run(ask, home=state, add=add), lambda: run((*words, "--help"), home=state, add=add)
    )
    beyond = [max(0.0, one.wall_s - other.wall_s) for one, other in zip(asked, start, strict=True)]
    size = (state / "usage.db").stat().st_size / 1e6
    return show([
        Row(what="show --by intent, whole process", values=[one.wall_s for one in asked], unit="s", at_most=0.2),
        Row(what="show --by intent, beyond start-up", values=beyond, unit="s", at_most=0.2),
        Row(what="size of the store", values=[size], unit="MB"),
    ])  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state, tempfile.TemporaryDirectory() as user:
        os.environ["MESHCLAW_HOME"] = state
        raise SystemExit(main(Path(state), Path(user)))
