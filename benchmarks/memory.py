"""Recall in 100,000 memories: how long it takes, what it weighs, and how fast they are written.

Run: python benchmarks/memory.py

Memories are sentences of 6 to 18 words whose frequencies follow Zipf's law, as those of a language do; a query is 3 to
8 words out of one memory, common ones included, as a request would hold them. CPU time of one warm process; the first
query after opening the file is told apart.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random

from measure import MB, Row, show

from meshclaw.agents.memory.recall import recall
from meshclaw.agents.memory.store import Memory
from meshclaw.flow.memory import Add, Fact, Source, Trust

FACTS = 100_000
BATCH = 500
QUERIES = 400
WORDS = 30_000
NOW = 1_800_000_000_000
DAY = 24 * 3_600_000


def vocabulary(random: Random) -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(random.choices(letters, k=random.randint(2, 11))) for _ in range(WORDS)]


def sentences(random: Random, count: int) -> Iterator[str]:
    words = vocabulary(random)
    frequent = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))
    for _ in range(count):
        yield " ".join(random.choices(words, cum_weights=frequent, k=random.randint(6, 18)))


def written(memory: Memory, random: Random) -> tuple[list[str], float]:
    """The texts, and how many were written in a CPU-second."""
    texts = list(sentences(random, FACTS))
    trusts: list[Trust] = ["person", "record", "receipt"]
    facts = [
        Fact(
            text=text,
            trust=trusts[at % 3],
            source=Source(what="words", runs=("r",)),
            learned=NOW - at * DAY // 100,
        )
        for at, text in enumerate(texts)
    ]
    before = time.process_time()
    for start in range(0, FACTS, BATCH):
        operations = [Add(fact=fact) for fact in facts[start : start + BATCH]]
        memory.revise(operations, by="dream", key=str(start), at=NOW)
    return texts, FACTS / (time.process_time() - before)


def asked(memory: Memory, query: str) -> float:
    """Milliseconds."""
    before = time.process_time()
    found = recall(memory, query, now=NOW)
    took = time.process_time() - before
    if not found:
        raise SystemExit(f"nothing was found for {query!r}")
    return 1000 * took


def resident() -> float:
    """Megabytes of this process in memory now, where the system says so (Linux)."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * resource.getpagesize() / MB if pages.exists() else 0.0


def percentile(values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def main() -> int:
    random = Random(20261121)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "memory.db"
        memory = Memory.open(path)
        texts, rate = written(memory, random)
        memory.close()
        size = path.stat().st_size / MB
        queries = [
            " ".join(random.sample(words, min(len(words), random.randint(3, 8))))
            for words in (random.choice(texts).split() for _ in range(QUERIES))
        ]
        before_mb = resident()
        memory = Memory.open(path)
        first = asked(memory, queries[0])
        took = [asked(memory, query) for query in queries]
        added = resident() - before_mb
        common = [asked(memory, " ".join(random.sample(texts[0].split(), 2)) + " a e") for _ in range(20)]
        before = time.process_time()
        memory.forget([FACTS // 2], key="forget", at=NOW)
        forgot = 1000 * (time.process_time() - before)
        memory.close()
    return show([
        Row(what="recall in 100,000, median", values=took, unit="ms", at_most=30),
        Row(what="recall in 100,000, p95", values=[percentile(took, 0.95)], unit="ms", at_most=30),
        Row(what="the first one after opening", values=[first], unit="ms", at_most=30),
        Row(what="with common words alone", values=common, unit="ms"),
        Row(what="facts written per CPU-second", values=[rate], unit="facts"),
        Row(what="forgetting one, file wiped", values=[forgot], unit="ms"),
        Row(what="the file", values=[size], unit="MB"),
        Row(what="memory that recall adds", values=[added], unit="MB"),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
