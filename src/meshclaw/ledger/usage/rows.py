"""A call as a row of ``usage.db`` and back, and what it adds to the sums."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

from meshclaw.flow.usage import Evidence, Tokens, Usage

DAY_MS = 86_400_000
WIDTH = 33
"""Columns of ``call``."""

Row = tuple[int | str | None, ...]
Slot = tuple[int, int, int, int, int, int, int]
"""Day, then the value for each of ``BYS``."""


class Judged(NamedTuple):
    """What is ours to say about a call."""

    micros: int
    is_known: bool
    """Whether the model has a price of its own."""
    intent: str
    cell: str
    """Of the spend partition."""
    is_counted: bool
    """False for sums that only check what finer sources say."""


class Names:
    """Strings by number; those of this run are remembered."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: dict[str, int] = {}
        self._texts: dict[int, str] = {}

    def number(self, text: str) -> int:
        known = self._numbers.get(text)
        if known is None:
            self._db.execute("INSERT OR IGNORE INTO name (text) VALUES (?)", (text,))
            [known] = self._db.execute("SELECT id FROM name WHERE text = ?", (text,)).fetchone()
            self._numbers[text] = known
        return known

    def text(self, number: int) -> str:
        known = self._texts.get(number)
        if known is None:
            [known] = self._db.execute("SELECT text FROM name WHERE id = ?", (number,)).fetchone()
            self._texts[number] = known
        return known

    def forget(self) -> None:
        """After a rollback a number may be another string's."""
        self._numbers.clear()
        self._texts.clear()


def row_of(usage: Usage, judged: Judged, names: Names) -> Row:
    number, tokens = names.number, usage.tokens
    return (
        number(usage.tool), usage.message or usage.key, usage.key, number(usage.evidence),
        bool(usage.message), usage.at, usage.until, number(usage.model), number(usage.provider),
        tokens.input_uncached, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h, tokens.output,
        tokens.reasoning, tokens.tool, usage.credits_milli, usage.reported_micros,
        number(usage.speed), number(usage.service_tier), number(usage.session), number(usage.repo),
        number(usage.branch), number(usage.agent), usage.by_machine, number(usage.declared),
        number("\n".join(usage.did)), number("\n".join(usage.files)),
        judged.micros, judged.is_known, number(judged.intent), number(judged.cell), judged.is_counted,
    )  # fmt: skip


def usage_of(row: Row, names: Names) -> Usage:
    (
        tool, message, key, evidence, has_message, at, until, model, provider,
        input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, tool_calls,
        credits_milli, reported_micros, speed, service_tier, session, repo, branch, agent, by_machine, declared,
        did, files, *_,
    ) = cast("tuple[int, str, str, *tuple[int, ...]]", row)  # fmt: skip
    text = names.text
    return Usage(
        tool=text(tool), evidence=cast("Evidence", text(evidence)), key=key,
        message=message if has_message else "", at=at, until=until, model=text(model), provider=text(provider),
        tokens=Tokens(
            input_uncached=input_uncached, cache_read=cache_read, cache_write_5m=cache_write_5m,
            cache_write_1h=cache_write_1h, output=output, reasoning=reasoning, tool=tool_calls,
        ),
        credits_milli=credits_milli, reported_micros=reported_micros, speed=text(speed),
        service_tier=text(service_tier), session=text(session), repo=text(repo), branch=text(branch),
        agent=text(agent), by_machine=bool(by_machine), declared=text(declared),
        did=tuple(text(did).split("\n")) if text(did) else (),
        files=tuple(text(files).split("\n")) if text(files) else (),
    )  # fmt: skip


class Sums:
    """What a batch of calls changes in ``sums``."""

    def __init__(self) -> None:
        self._slots: dict[Slot, list[int]] = {}

    def add(self, row: Row, times: int = 1) -> None:
        """``times`` is -1 for a call that another one takes the place of."""
        (
            tool, _, _, _, _, at, _, model, _, input_uncached, cache_read, cache_write_5m, cache_write_1h, output,
            reasoning, tool_calls, credits_milli, _, _, _, session, repo, _, _, _, _, _, _,
            micros, is_known, intent, cell, is_counted,
        ) = cast("tuple[int, str, str, *tuple[int, ...]]", row)  # fmt: skip
        if not is_counted:
            return
        amounts = (
            times, times * input_uncached, times * cache_read, times * cache_write_5m, times * cache_write_1h,
            times * output, times * reasoning, times * tool_calls, times * credits_milli, times * micros,
            0 if is_known else times * micros,
        )  # fmt: skip
        _add(self._slots, (at // DAY_MS, tool, model, intent, repo, session, cell), amounts)

    def rows(self) -> list[tuple[int, ...]]:
        """``by``, ``day``, ``value`` and the amounts: a few for each slot, however many calls there were."""
        found: dict[tuple[int, int, int], list[int]] = {}
        for (day, *values), amounts in self._slots.items():
            for by, value in enumerate(values):
                _add(found, (by, day, value), amounts)
        return [(*key, *amounts) for key, amounts in found.items() if any(amounts)]


K = TypeVar("K", bound=tuple[int, ...])


def _add(slots: dict[K, list[int]], key: K, amounts: Sequence[int]) -> None:
    known = slots.get(key)
    slots[key] = list(amounts) if known is None else [*map(int.__add__, known, amounts)]
