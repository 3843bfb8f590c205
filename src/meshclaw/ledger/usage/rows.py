"""A call as a row of ``usage.db`` and back, and what it adds to the sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, cast

from msgspec.structs import astuple

from meshclaw.flow.usage import Evidence, Tokens, Usage
from meshclaw.ledger.usage.contexts import DAY_MS, Contexts, Judge

Row = tuple[int | str | None, ...]
"""Column for column ``call``."""
Amounts = tuple[int, ...]
"""As ``schema.AMOUNTS``."""
Slot = tuple[int, ...]
"""Day, then the value for each of ``BYS``."""
MESSAGE, KEY, EVIDENCE, CONTEXT, AT, UNTIL = 1, 2, 3, 4, 5, 6
AMOUNTS = slice(7, 17)
"""Columns of what is added up: ``schema.AMOUNTS`` without the number of calls."""


def row_of(usage: Usage, judge: Judge, contexts: Contexts) -> Row:
    """No bool stands in it: ``sqlite3`` takes a microsecond to make a number of each."""
    (
        tool, evidence, key, message, at, until, model, provider, tokens, credits_milli, reported_micros, *rest,
    ) = astuple(usage)  # fmt: skip
    context = (tool, evidence, model, provider, message != "", *rest)
    known = contexts.get(context)
    if known is None or known.day != at // DAY_MS:
        known = contexts.meet(context, usage, judge)
    nanos, is_known = known.tariff(usage)
    return (
        known.tool, message or key, key, known.evidence, known.number, at, until, *astuple(tokens), credits_milli,
        nanos, 0 if is_known else nanos, reported_micros, known.is_counted,
    )  # fmt: skip


def usage_of(row: Row, contexts: Contexts) -> Usage:
    (
        _, message, key, _, context, at, until, input_uncached, cache_read, cache_write_5m, cache_write_1h, output,
        reasoning, tool_calls, credits_milli, _, _, reported_micros, _,
    ) = cast("tuple[int, str, str, *tuple[int, ...]]", row)  # fmt: skip
    (
        tool, evidence, model, provider, has_message, speed, service_tier, session, repo, branch, agent, by_machine,
        declared, did, files,
    ) = cast("tuple[str, Evidence, *tuple[Any, ...]]", contexts.of(context))  # fmt: skip
    return Usage(
        tool=tool, evidence=evidence, key=key, message=message if has_message else "", at=at, until=until,
        model=model, provider=provider,
        tokens=Tokens(
            input_uncached=input_uncached, cache_read=cache_read, cache_write_5m=cache_write_5m,
            cache_write_1h=cache_write_1h, output=output, reasoning=reasoning, tool=tool_calls,
        ),
        credits_milli=credits_milli, reported_micros=reported_micros, speed=speed, service_tier=service_tier,
        session=session, repo=repo, branch=branch, agent=agent, by_machine=by_machine, declared=declared, did=did,
        files=files,
    )  # fmt: skip


class Sums:
    """What calls change in ``sums``: exact, however large."""

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._slots: defaultdict[Slot, list[Amounts]] = defaultdict(list)

    def add(self, rows: Iterable[Row], times: int = 1) -> None:
        """``times`` is -1 for calls that others take the place of."""
        alike: defaultdict[tuple[int, int], list[Amounts]] = defaultdict(list)
        for row in cast("Iterable[Amounts]", rows):
            if row[-1]:
                alike[row[AT] // DAY_MS, row[CONTEXT]].append(row[AMOUNTS])
        merged: defaultdict[Slot, list[Amounts]] = defaultdict(list)
        for (day, context), many in alike.items():
            merged[day, *self._contexts.slot(context)] += many
        for slot, many in merged.items():
            amounts = len(many), *_added(many)
            self._slots[slot].append(amounts if times == 1 else tuple([times * one for one in amounts]))

    def rows(self) -> list[tuple[int, ...]]:
        """``by``, ``day``, ``value`` and the amounts: a few for each slot, however many calls there were."""
        found: defaultdict[tuple[int, int, int], list[Amounts]] = defaultdict(list)
        for (day, *values), many in self._slots.items():
            amounts = _added(many)
            for by, value in enumerate(values):
                found[by, day, value].append(amounts)
        return [(*key, *_added(many)) for key, many in found.items()]


def _added(many: Sequence[Amounts]) -> Amounts:
    return many[0] if len(many) == 1 else tuple(map(sum, zip(*many, strict=True)))
