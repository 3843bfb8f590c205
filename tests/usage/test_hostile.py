"""Files that somebody made to break the count: sums stay exact, memory stays bounded, the rest is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.llm.prices import price_of
from meshclaw.llm.rates import DEAREST
from meshclaw.readers.all import READERS
from meshclaw.readers.records import MOST, MOST_OF_A_CALL
from meshclaw.sqlite import MEMORY
from meshclaw.usage.importing import Importer
from meshclaw.usage.labels import judge_of
from meshclaw.usage.report import breakdown, report
from tests.readers.test_claude_code import line

FORGED = 50_000
MB = 1_000_000
LARGEST_INTEGER = 2**63 - 1
"""Of SQLite."""
EVERYTHING = {
    "input_tokens": MOST_OF_A_CALL, "output_tokens": MOST_OF_A_CALL, "cache_read_input_tokens": MOST_OF_A_CALL,
    "cache_creation": {
        "ephemeral_5m_input_tokens": MOST_OF_A_CALL, "ephemeral_1h_input_tokens": MOST_OF_A_CALL,
    },
    "server_tool_use": {"web_search_requests": MOST_OF_A_CALL},
}  # fmt: skip
PEAK_MB = 120
SHOWING = """
import sys
from meshclaw.cli.main import cli
cli.main(["usage", "show", "--root", sys.argv[1], "--json"], standalone_mode=False)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""


def session(user: Path) -> Path:
    path = user / ".claude" / "projects" / "repo" / "s.jsonl"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("stored", [True, False])
def test_tens_of_thousands_of_calls_with_the_largest_counts_add_up(
    home: Path, tmp_path: Path, stored: bool
) -> None:
    text = json.dumps(line("MESSAGE", "REQUEST", model="nobody-knows", usage=EVERYTHING))
    with session(tmp_path).open("w", encoding="utf-8") as file:
        for number in range(FORGED):
            file.write(text.replace("MESSAGE", f"m{number}").replace("REQUEST", f"r{number}") + "\n")
    store = UsageStore(home / "usage.db" if stored else MEMORY)
    Importer(store, READERS, judge_of(READERS, None)).machine(tmp_path, {})
    [(usage, _), *_] = store.calls(0, 2**60)
    found, total = report(store), FORGED * price_of(usage).nanos
    assert total > LARGEST_INTEGER
    assert (found.totals.calls, found.totals.output) == (FORGED, FORGED * MOST_OF_A_CALL)
    assert found.totals.cost_usd_micros == found.guessed_usd_micros == total // 1000
    assert sum(found.partition.values()) == total // 1000
    assert [part.totals.cost_usd_micros for part in breakdown(store, "repo").values()] == [total // 1000]
    assert [work.nanos for work in store.work(0, 2**60)] == [total]
    assert store.check() == 0
    store.close()


def test_a_cost_beyond_belief_is_a_billion_dollars_and_not_known() -> None:
    dearest = price_of(
        Usage(
            tool="t", evidence="invoice", key="k", at=1_775_037_600_000, until=1_775_124_000_000, model="o1-pro",
            provider="openai", tokens=Tokens(output=MOST * 10_000),
        )
    )  # fmt: skip
    assert (dearest.nanos, dearest.known) == (DEAREST, False)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of one process is only told by Linux")
def test_an_eighty_megabyte_line_is_named_and_the_rest_is_read_in_little_memory(
    home: Path, tmp_path: Path
) -> None:
    path = session(tmp_path)
    with path.open("w", encoding="utf-8") as file:
        for message, size in (("m1", 1), ("long", 80 * MB), ("m3", 1)):
            file.write(json.dumps(line(message, content=[{"type": "text", "text": "x" * size}])) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", SHOWING, str(tmp_path)], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["totals"]["calls"] == 2
    assert [(one["path"], one["line"], one["why"]) for one in found["unread"]] == [(str(path), 2, "too-long")]
    peak_mb = int(done.stderr) * 1024 / MB
    print(f"peak memory {peak_mb:.0f} MB")
    assert peak_mb < PEAK_MB
