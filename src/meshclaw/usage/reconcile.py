"""The same call seen through a transcript, telemetry and an invoice is one record; where they differ, both are shown.

Which one counts is fixed, nothing is averaged: the tool's own transcript, then its telemetry call by call, then sums of
its telemetry for sessions of which no call is known. An invoice checks the days; it counts for tools without anything
finer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import get_args

import msgspec

from meshclaw.flow.usage import Evidence, Tokens, Usage
from meshclaw.ledger.usage.store import UsageStore

EVIDENCES: tuple[Evidence, ...] = get_args(Evidence)
"""The surest first."""
APART_MS = 120_000
"""Two sources write the same call down at its end, at its start or when it was sent: no further apart."""
TOLERATED = 0.02
"""Of the larger sum: a larger difference of a day is flagged."""
DAY_MS = 86_400_000
DATED = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d)$")

Price = Callable[[Usage], int]
"""Micro-dollars by the price list."""
Work = tuple[str, str]
"""Tool and session."""


class Seen(msgspec.Struct, kw_only=True):
    """One call, in every source that saw it."""

    best: Usage
    """What counts."""
    others: list[Usage] = []

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        found = {usage.evidence for usage in (self.best, *self.others)}
        return tuple(evidence for evidence in EVIDENCES if evidence in found)

    @property
    def differs(self) -> tuple[str, ...]:
        """In what any other source says something else than the one that counts."""
        return tuple(
            name for name, of in COMPARED.items() if any(of(self.best) != of(other) for other in self.others)
        )


COMPARED: dict[str, Callable[[Usage], object]] = {
    "input_uncached": lambda usage: usage.tokens.input_uncached,
    "cache_read": lambda usage: usage.tokens.cache_read,
    "cache_write": lambda usage: usage.tokens.cache_write_5m + usage.tokens.cache_write_1h,
    "output": lambda usage: usage.tokens.output,
    "model": lambda usage: plain(usage.model),
}
"""Telemetry does not say for how long a cache write was made: only their sum is compared."""


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    calls: list[Seen]
    sums: list[Usage]
    """Telemetry of sessions, or whole days of a tool, of which no call is known: they count as well."""
    checks: list[Usage]
    """Sums that only check what is known call by call."""


def plain(model: str) -> str:
    """``anthropic/claude-opus-4-5-20251101[1m]`` is ``claude-opus-4-5``: sources write the same model in many ways."""
    return DATED.sub("", model.partition("[")[0].rpartition("/")[2].lower())


def reconcile(usages: Iterable[Usage], elsewhere: Iterable[Work] = ()) -> Reconciled:
    """One record for each call; each of ``usages`` stands in exactly one place, in whatever order they come.

    No two of them have the same tool, evidence, message and key: the store sees to that. ``elsewhere``: of what there
    are calls that are not among ``usages``.
    """
    ordered = sorted(usages, key=_order)
    calls = _matched([usage for usage in ordered if not usage.until])
    known = {(usage.tool, usage.session) for usage in ordered if not usage.until}.union(elsewhere)
    tools = {tool for tool, _ in known}
    sums, checks = list[Usage](), list[Usage]()
    for usage in ordered:
        if usage.until:
            is_known = usage.tool in tools if usage.evidence == "invoice" else _is_known(usage, known, tools)
            (checks if is_known or usage.tool in CHECKING else sums).append(usage)
    return Reconciled(calls=calls, sums=sums, checks=checks)


CHECKING = frozenset(("anthropic-api",))
"""Accounts of a vendor over all tools: what they say is already elsewhere."""


def _is_known(usage: Usage, known: set[Work], tools: set[str]) -> bool:
    return (usage.tool, usage.session) in known if usage.session else usage.tool in tools


def _order(usage: Usage) -> tuple[int, int, str, str, str]:
    return EVIDENCES.index(usage.evidence), usage.at, usage.tool, usage.key, usage.message


def _matched(calls: list[Usage]) -> list[Seen]:
    """``calls``: the surest evidence first, so that what an id or a shape finds is what counts."""
    found: list[Seen] = []
    by_id: dict[str, Seen] = {}
    shapes = _Shapes(found)
    for usage in calls:
        ids = [id_ for id_ in (usage.key, usage.message) if id_]
        seen = next((by_id[id_] for id_ in ids if id_ in by_id), None)
        if seen is None or not _may_be(seen, usage):
            seen = None if usage.evidence == "transcript" else shapes.nearest(usage)
        if seen is None:
            seen = Seen(best=usage, others=[])
            found.append(seen)
        else:
            seen.others.append(usage)
        for id_ in ids:
            by_id.setdefault(id_, seen)
    return found


class _Shapes:
    """For sources without a common id: calls by session, model and counts. Made only when one is looked for."""

    def __init__(self, calls: list[Seen]) -> None:
        self._calls = calls
        self._done = 0
        self._by: defaultdict[tuple[object, ...], list[Seen]] = defaultdict(list)

    def nearest(self, usage: Usage) -> Seen | None:
        if not usage.session:
            return None
        for seen in self._calls[self._done :]:
            self._by[_shape(seen.best)].append(seen)
        self._done = len(self._calls)
        near = [
            seen
            for seen in self._by[_shape(usage)]
            if abs(seen.best.at - usage.at) <= APART_MS and _may_be(seen, usage)
        ]
        return min(near, key=lambda seen: abs(seen.best.at - usage.at), default=None)


def _may_be(seen: Seen, usage: Usage) -> bool:
    """A source has each of its calls once: two of them are two, and so are those in transcripts of two tools."""
    if usage.evidence == "transcript":
        return False
    return all((one.tool, one.evidence) != (usage.tool, usage.evidence) for one in (seen.best, *seen.others))


def _shape(usage: Usage) -> tuple[object, ...]:
    return usage.tool, usage.session, *(of(usage) for of in COMPARED.values())


# -- days --------------------------------------------------------------------------------


class Part(msgspec.Struct, kw_only=True):
    """What one kind of evidence says of a day and a model."""

    calls: int = 0
    input_uncached: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    list_micros: int = 0
    """Its tokens by the price list."""
    reported_micros: int | None = None
    """What it says itself that they cost."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    day: str
    """UTC."""
    model: str
    by: dict[Evidence, Part]
    difference: float | None
    """Of the largest sum, as a share; None where only one kind of evidence is there."""
    is_flagged: bool


def days(reconciled: Reconciled, price: Price) -> list[Line]:
    """By day and model, what each kind of evidence adds up to, and how far they are apart."""
    parts: defaultdict[tuple[str, str], dict[Evidence, Part]] = defaultdict(dict)
    for usage in _evidence(reconciled):
        part = parts[_day(usage.at), plain(usage.model)].setdefault(usage.evidence, Part())
        _add(part, usage, price)
    return [_line(day, model, by) for (day, model), by in sorted(parts.items())]


def _day(at: int) -> str:
    """Clocks may be so wrong that no calendar has the day."""
    try:
        return (date(1970, 1, 1) + timedelta(milliseconds=at)).isoformat()
    except OverflowError:
        return f"day {at // DAY_MS}"


def _evidence(reconciled: Reconciled) -> Iterator[Usage]:
    """Each kind of evidence once for each call, and invoices; sums of telemetry only where no calls are known."""
    for seen in reconciled.calls:
        told: set[Evidence] = set()
        for usage in (seen.best, *seen.others):
            if usage.evidence not in told:
                told.add(usage.evidence)
                yield _with_writes_of(seen.best, usage)
    yield from reconciled.sums
    yield from (usage for usage in reconciled.checks if usage.evidence == "invoice")


def _with_writes_of(best: Usage, usage: Usage) -> Usage:
    """The sort of cache writes comes from the source that tells it, where the sums are the same."""
    same = COMPARED["cache_write"]
    if usage is best or same(best) != same(usage):
        return usage
    writes = {name: getattr(best.tokens, name) for name in ("cache_write_5m", "cache_write_1h")}
    return msgspec.structs.replace(usage, tokens=msgspec.structs.replace(usage.tokens, **writes))


def _add(part: Part, usage: Usage, price: Price) -> None:
    tokens = usage.tokens
    part.calls += not usage.until
    part.input_uncached += tokens.input_uncached
    part.cache_read += tokens.cache_read
    part.cache_write += tokens.cache_write_5m + tokens.cache_write_1h
    part.output += tokens.output
    if tokens != Tokens() or usage.credits_milli:
        part.list_micros += price(usage)
    if usage.reported_micros is not None:
        part.reported_micros = (part.reported_micros or 0) + usage.reported_micros


def _line(day: str, model: str, by: dict[Evidence, Part]) -> Line:
    amounts = [_amount(evidence, part) for evidence, part in by.items()]
    most = max(amounts)
    difference = None if len(amounts) < 2 else (most - min(amounts)) / most if most else 0.0
    ordered: dict[Evidence, Part] = {evidence: by[evidence] for evidence in EVIDENCES if evidence in by}
    return Line(
        day=day, model=model, by=ordered, difference=difference,
        is_flagged=difference is not None and difference > TOLERATED,
    )  # fmt: skip


def _amount(evidence: Evidence, part: Part) -> int:
    """An invoice says what it costs; of the others the tokens count, by one and the same list."""
    if evidence == "invoice" and part.reported_micros is not None:
        return part.reported_micros
    return part.list_micros


# -- what counts -------------------------------------------------------------------------


def recount(store: UsageStore) -> None:
    """Let of each call one recording count, where calls came since this was last asked."""
    touched = store.touched
    if touched is None:
        return
    changes: list[tuple[Usage, bool]] = []
    if store.has_evidence("telemetry") or store.has_sums("transcript"):
        first, last = touched[0] - DAY_MS, touched[1] + DAY_MS
        open_ = _with_alike(store, dict(store.calls(first, last)))
        around = dict(store.calls(first - APART_MS, last + APART_MS))
        found = reconcile(open_ | around, store.works())
        counting = {id(seen.best) for seen in found.calls} | {id(usage) for usage in found.sums}
        changes = [
            (usage, id(usage) in counting)
            for usage, is_counted in open_.items()
            if usage.evidence != "invoice" and is_counted != (id(usage) in counting)
        ]
    store.count(changes)


def _with_alike(store: UsageStore, calls: dict[Usage, bool]) -> dict[Usage, bool]:
    """Also what has an id or a session in common with them, at whatever time."""
    new = calls
    while new:
        new = {usage: is_counted for usage, is_counted in store.alike(new).items() if usage not in calls}
        calls = calls | new
    return calls
