"""All that a page about the use of AI tools shows, from the sums alone: however many calls, it costs the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from meshclaw.flow.usage import Evidence, Unread
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.readers.base import AHEAD_MS, EARLIEST_MS, Confidence, Grain
from meshclaw.usage.intents import Agreement, agreement
from meshclaw.usage.received import Heard
from meshclaw.usage.report import EPOCH, Part, Period, Report, apportioned, breakdown, report

DAY_MS = 86_400_000
UNREAD: dict[str, str] = {
    "malformed": "no record that can be understood",
    "truncated": "half written; read again when it has grown",
    "too-long": "a line too long to hold",
    "clock": "a time that cannot be right; counted under it",
    "negative": "less than nothing; not counted",
    "locked": "in use by its tool; tried again at the next import",
    "denied": "this user may not read it",
    "unknown-field": "a field that is not understood; the rest was counted",
    "missing-field": "a field that is not there; the rest was counted",
}
"""Why a place could not be read, in words for a person."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A tool, where it was looked for and what was found there."""

    tool: str
    evidence: Evidence
    folders: list[str]
    """Empty where a person has to name the files."""
    found: list[str]
    """Those folders that exist."""
    files: int
    calls: int
    grain: Grain
    confidence: Confidence
    includes: str
    heard: dict[str, Heard] = {}
    """Of what tools send: by tool."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    report: Report
    period: Period
    made: datetime
    prices: str
    """Version of the prices and labels that the stored costs were made by."""
    days: dict[date, dict[str, int]]
    """Micro-dollars by day and tool, of the days that can be right."""
    odd_calls: int
    """Calls of days that cannot be right; they count in everything but ``days``."""
    odd_usd_micros: int
    by_intent: dict[str, Part]
    """As declared."""
    by_kind: dict[str, Part]
    """As inferred."""
    agreement: Agreement
    looked: Sequence[Looked]
    unread: Sequence[tuple[str, Unread]]
    """With the tool."""


def overview(store: UsageStore, period: Period, looked: Sequence[Looked], made: datetime) -> Overview:
    found = store.days_by("tool", *period.days)
    first, last = EARLIEST_MS // DAY_MS, int(made.timestamp() * 1000 + AHEAD_MS) // DAY_MS
    days: dict[date, dict[str, int]] = {}
    odd_calls = odd_micros = 0
    micros = apportioned([amounts.nanos for amounts in found.values()])
    for ((day, tool), amounts), cost in zip(found.items(), micros, strict=True):
        if first <= day <= last:
            days.setdefault(EPOCH + timedelta(days=day), {})[tool] = cost
        else:
            odd_calls += amounts.calls
            odd_micros += cost
    both = store.by("both", *period.days)
    pairs = ((*both_kinds.split(" ", 1), amounts.calls) for both_kinds, amounts in both.items() if both_kinds)
    return Overview(
        report=report(store, period), period=period, made=made, prices=store.setting("judged"), days=days,
        odd_calls=odd_calls, odd_usd_micros=odd_micros, by_intent=breakdown(store, "intent", period),
        by_kind=breakdown(store, "kind", period), looked=looked, unread=store.unread(),
        agreement=agreement((one, other, calls) for one, other, calls in pairs),
    )  # fmt: skip
