"""Transcript trees with every known trap, and what is true of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

GENERATOR = Path(__file__).parents[3] / "shared" / "tools" / "gen_claude_tree.py"
needs_generator = pytest.mark.skipif(
    not GENERATOR.exists(), reason="the generator of transcript trees does not lie beside the project"
)

PER_MILLION = {  # dollars: input, 5 minute and 1 hour cache writes, cache reads, output
    "claude-opus-4-5-20251101": ("5", "6.25", "10", "0.5", "25"),
    "claude-sonnet-4-5-20250929": ("3", "3.75", "6", "0.3", "15"),
    "claude-haiku-4-5-20251001": ("1", "1.25", "2", "0.1", "5"),
}
SEARCH_MICROS = 10_000
"""Of one web search."""


def generate(home: Path, seed: int, mib: int = 3) -> dict[str, Any]:
    """A tree in ``home/.claude`` and its truth."""
    command = [sys.executable, str(GENERATOR), str(home / ".claude"), "--mib", str(mib), "--seed", str(seed)]
    subprocess.run([*command, "--projects", "6", "--days", "9"], check=True, capture_output=True)
    return json.loads((home / ".claude" / "ground_truth.json").read_text("utf-8"))


def cost_micros(home: Path) -> int:
    """By the slowest way there is: every line, the fullest one for each answer, exact fractions."""
    fullest: dict[str, tuple[int, str, dict[str, Any]]] = {}
    for path in (home / ".claude").rglob("*.jsonl"):
        for text in path.read_text("utf-8").splitlines():
            try:
                message = json.loads(text).get("message", {})
            except json.JSONDecodeError:
                continue
            usage = message.get("usage")
            if usage and message["model"] != "<synthetic>":
                total = sum(value for name, value in usage.items() if name.endswith("_tokens"))
                known = fullest.get(message["id"])
                if known is None or total > known[0]:
                    fullest[message["id"]] = (total, message["model"], usage)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    searches = 0
    for _, model, usage in fullest.values():
        written = usage["cache_creation"]
        for at, count in enumerate((
            usage["input_tokens"], written["ephemeral_5m_input_tokens"], written["ephemeral_1h_input_tokens"],
            usage["cache_read_input_tokens"], usage["output_tokens"],
        )):  # fmt: skip
            sums[model][at] += count
        searches += usage.get("server_tool_use", {}).get("web_search_requests", 0)
    cost = sum(
        count * Fraction(price)
        for model, counts in sums.items()
        for count, price in zip(counts, PER_MILLION[model], strict=True)
    )
    return round(cost) + searches * SEARCH_MICROS
