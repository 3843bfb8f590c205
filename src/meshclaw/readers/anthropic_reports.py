"""Anthropic's own account: saved answers of its usage, cost and Claude Code reports. Sums by day, so they only check.

Persons and keys are not kept: they are only part of a digest, which tells two sums of one day apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from meshclaw.flow.usage import LONG_CALLS, Tokens, Unread, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.calls import found_in
from meshclaw.readers.records import (
    MOST,
    Fields,
    digest,
    moment,
    read_whole,
    rows,
    table,
    text,
    whole,
)

DAY_MS = 86_400_000
LONG = "200k-1M"
"""Value of ``context_window``, where the report is grouped by it."""
_sum = partial(whole, most=MOST)
OF_A_CENT = 10_000
"""Micro-dollars."""
DIMENSIONS = (
    "account_id", "api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo", "speed",
    "service_account_id", "description", "cost_type", "token_type",
)  # fmt: skip


class AnthropicReports:
    source = Source(
        tool="anthropic-api",
        evidence="invoice",
        grain="day",
        includes="input without cache; costs without the priority tier",
        is_counted=False,
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:  # noqa: ARG002 - an answer is written once
        report = read_whole(path)
        if isinstance(report, Unread):
            yield report
            return
        pages = report if isinstance(report, list) else [report]
        items = [item for page in rows({"": pages}, "") for item in rows(page, "data")]
        for number, item in enumerate(items, 1):
            for result in rows(item, "results"):
                yield from found_in(
                    str(path), number, result, partial(_of_bucket, item), _of_result, per_unit=OF_A_CENT
                )
            for part in rows(item, "model_breakdown"):
                yield from found_in(
                    str(path), number, part, partial(_of_day, item), _of_part, per_unit=OF_A_CENT
                )


def _of_result(result: Fields) -> object:
    return result.get("amount")


def _of_part(part: Fields) -> object:
    return table(part, "estimated_cost").get("amount")


def _of_bucket(bucket: Fields, result: Fields) -> Usage:
    start, end = text(bucket, "starting_at"), text(bucket, "ending_at")
    written = table(result, "cache_creation")
    return Usage(
        tool="anthropic-api", evidence="invoice", at=moment(start), until=moment(end), provider="anthropic",
        key=digest(start, end, "amount" in result, *(result.get(name) for name in DIMENSIONS)),
        model=text(result, "model"), speed=text(result, "speed"),
        service_tier=text(result, "service_tier") + (LONG_CALLS if result.get("context_window") == LONG else ""),
        tokens=Tokens(
            input_uncached=_sum(result, "uncached_input_tokens"), output=_sum(result, "output_tokens"),
            cache_read=_sum(result, "cache_read_input_tokens"),
            cache_write_5m=_sum(written, "ephemeral_5m_input_tokens"),
            cache_write_1h=_sum(written, "ephemeral_1h_input_tokens"),
            tool=_sum(table(result, "server_tool_use"), "web_search_requests"),
        ),
    )  # fmt: skip


def _of_day(item: Fields, part: Fields) -> Usage:
    day, counts = text(item, "date"), table(part, "tokens")
    at = moment(day)
    return Usage(
        tool="claude-code", evidence="invoice", at=at, until=at + DAY_MS, provider="anthropic",
        key=digest(day, item.get("actor"), item.get("terminal_type"), part.get("model")), model=text(part, "model"),
        tokens=Tokens(
            input_uncached=_sum(counts, "input"), output=_sum(counts, "output"),
            cache_read=_sum(counts, "cache_read"), cache_write_5m=_sum(counts, "cache_creation"),
        ),
    )  # fmt: skip
