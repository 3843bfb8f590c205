"""Counters of tokens and cost as usages: sums over a period, for whoever sends no events.

A point of a delta is a usage of its own, told by its time: sent again, it is the same one. A cumulative counter is one
usage from its start on, and the store keeps the fullest: no state is needed, and a restart loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.otlp.calls import declared_in, tool_of
from meshclaw.readers.otlp.wire import Record
from meshclaw.readers.records import MOST, digest, text

COUNTERS = {
    "claude_code.token.usage": {
        "input": "input_uncached", "output": "output", "cacheRead": "cache_read", "cacheCreation": "cache_write_5m",
    },
    "gemini_cli.token.usage": {
        "input": "input", "output": "output", "thought": "thoughts", "cache": "cache_read", "tool": "input_uncached",
    },
    "gen_ai.client.token.usage": {"input": "input_uncached", "output": "output"},
}  # fmt: skip
"""Metric, then its kinds of tokens to our classes; Gemini's input holds the cached part."""
COST = "claude_code.cost.usage"
"""US dollars."""
TOLD_ALREADY = ("gen_ai.client.token.usage", "gemini-cli")
"""Gemini CLI sends this metric too, beside its own."""
PARTS = ("input_uncached", "cache_read", "cache_write_5m", "output")


class _Sum(msgspec.Struct, kw_only=True):
    record: Record
    tool: str
    since_ns: int
    """Earliest start of its counters: a cumulative one starts with the first call of its class of token."""
    counts: dict[str, float]
    cost: float | None = None


def sums_of(records: Iterable[Record]) -> Iterator[Usage | Unread]:
    """One for all classes of tokens that were counted for the same model and session."""
    found: dict[tuple[Any, ...], _Sum] = {}
    for number, record in enumerate(records, 1):
        kinds = COUNTERS.get(record.name)
        tool = tool_of(record.fields, record.name)
        if (kinds is None and record.name != COST) or (record.name, tool) == TOLD_ALREADY:
            continue
        if not 0 <= record.value < MOST:
            yield Unread(
                path="otlp:metrics", line=number, why="negative" if record.value < 0 else "malformed"
            )
            continue
        series = _series(record, tool)
        one = found.setdefault(series, _Sum(record=record, tool=tool, since_ns=record.start_ns, counts={}))
        one.since_ns = min(one.since_ns, record.start_ns)
        if kinds is None:
            one.cost = (one.cost or 0) + record.value
        elif name := kinds.get(text(record.fields, "type", "gen_ai.token.type")):
            one.counts[name] = one.counts.get(name, 0) + record.value
    for series, one in found.items():
        usage = _usage(series, one)
        if usage.tokens != Tokens() or usage.reported_micros:
            yield usage


def _series(record: Record, tool: str) -> tuple[Any, ...]:
    """What tells two counters of one request apart: all attributes but the class of token, and a delta's end."""
    rest = sorted((k, str(v)) for k, v in record.fields.items() if k not in {"type", "gen_ai.token.type"})
    return tool, 0 if record.is_cumulative else record.end_ns, *rest


def _usage(series: tuple[Any, ...], one: _Sum) -> Usage:
    fields, counts = one.record.fields, {name: round(value) for name, value in one.counts.items()}
    if "input" in counts:
        counts["input_uncached"] = counts.get("input_uncached", 0) + max(
            0, counts["input"] - counts.get("cache_read", 0)
        )
    thoughts = counts.get("thoughts", 0)
    counts["output"] = counts.get("output", 0) + thoughts
    end, start = one.record.end_ns // 1_000_000, one.since_ns // 1_000_000
    key = digest(series, one.since_ns if one.record.is_cumulative else 0)
    return Usage(
        tool=one.tool, evidence="telemetry", key=key, at=min(start or end, end), until=end + 1,
        model=text(fields, "model", "gen_ai.response.model", "gen_ai.request.model"),
        provider=text(fields, "gen_ai.provider.name", "gen_ai.system"), speed=text(fields, "speed"),
        tokens=Tokens(**{name: counts.get(name, 0) for name in PARTS}, reasoning=thoughts),
        reported_micros=None if one.cost is None else round(one.cost * 1_000_000),
        session=text(fields, "session.id"), agent=text(fields, "query_source", "agent.name"),
        by_machine=text(fields, "query_source") in {"subagent", "auxiliary"}, declared=declared_in(fields),
    )  # fmt: skip
