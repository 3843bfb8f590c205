"""A call as a row of ``usage.db`` and back, and what it adds to the sums."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import cast

import msgspec

from meshclaw.flow.usage import Evidence, Tokens, Usage

DAY_MS = 86_400_000
WIDTH = 35
"""Columns of ``call``."""

Row = tuple[int | str | None, ...]
Slot = tuple[int, ...]
"""Day, then the value for each of ``BYS``."""


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What is ours to say about a call."""

    nanos: int
    """Cost in thousandths of a micro-dollar: what a call costs is seldom a whole number of micro-dollars, and a year
    of calls must add up to one."""
    is_known: bool
    """Whether the model has a price of its own."""
    intent: str
    """What was declared."""
    kind: str
    """What is inferred."""
    both: str
    """The declared one in the words of the inferred one, and that one; empty where they cannot be compared."""
    cell: str
    """Of the spend partition."""
    is_counted: bool
    """False for sums that only check what finer sources say."""


class Names(dict[str, int]):
    """Strings by number; those of this run are remembered."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__()
        self._db = db
        self._texts: dict[int, str] = {}

    def __missing__(self, text: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO name (text) VALUES (?)", (text,))
        [number] = self._db.execute("SELECT id FROM name WHERE text = ?", (text,)).fetchone()
        self[text] = number
        return number

    def text(self, number: int) -> str:
        known = self._texts.get(number)
        if known is None:
            [known] = self._db.execute("SELECT text FROM name WHERE id = ?", (number,)).fetchone()
            self._texts[number] = known
        return known

    def forget(self) -> None:
        """After a rollback a number may be another string's."""
        self.clear()
        self._texts.clear()


def row_of(usage: Usage, judged: Judged, names: Names) -> Row:
    """No bool stands in it: ``sqlite3`` takes a microsecond to make a number of each."""
    tokens = usage.tokens
    return (
        names[usage.tool], usage.message or usage.key, usage.key, names[usage.evidence],
        1 if usage.message else 0, usage.at, usage.until, names[usage.model], names[usage.provider],
        tokens.input_uncached, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h, tokens.output,
        tokens.reasoning, tokens.tool, usage.credits_milli, usage.reported_micros,
        names[usage.speed], names[usage.service_tier], names[usage.session], names[usage.repo],
        names[usage.branch], names[usage.agent], 1 if usage.by_machine else 0, names[usage.declared],
        names["\n".join(usage.did)], names["\n".join(usage.files)],
        judged.nanos, 1 if judged.is_known else 0, names[judged.intent], names[judged.kind], names[judged.both],
        names[judged.cell], 1 if judged.is_counted else 0,
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
        did=words(text(did)), files=words(text(files)),
    )  # fmt: skip


def words(lines: str) -> tuple[str, ...]:
    return tuple(lines.split("\n")) if lines else ()


class Sums:
    """What a batch of calls changes in ``sums``."""

    def __init__(self) -> None:
        self._slots: dict[Slot, list[tuple[int, ...]]] = {}

    def add(self, row: Row, times: int = 1) -> None:
        """``times`` is -1 for a call that another one takes the place of."""
        (
            tool, _, _, _, _, at, _, model, _, input_uncached, cache_read, cache_write_5m, cache_write_1h, output,
            reasoning, tool_calls, credits_milli, _, _, _, session, repo, _, _, _, _, _, _,
            nanos, is_known, intent, kind, both, cell, is_counted,
        ) = cast("tuple[int, str, str, *tuple[int, ...]]", row)  # fmt: skip
        if not is_counted:
            return
        amounts = (
            1, input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, tool_calls,
            credits_milli, nanos, 0 if is_known else nanos,
        )  # fmt: skip
        if times != 1:
            amounts = tuple(times * amount for amount in amounts)
        self._slots.setdefault(
            (at // DAY_MS, tool, model, intent, kind, both, repo, session, cell), []
        ).append(amounts)

    def rows(self) -> list[tuple[int, ...]]:
        """``by``, ``day``, ``value`` and the amounts: a few for each slot, however many calls there were."""
        found: dict[tuple[int, int, int], list[tuple[int, ...]]] = {}
        for (day, *values), many in self._slots.items():
            amounts = _added(many)
            for by, value in enumerate(values):
                found.setdefault((by, day, value), []).append(amounts)
        return [(*key, *_added(many)) for key, many in found.items()]


def _added(many: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return many[0] if len(many) == 1 else tuple(map(sum, zip(*many, strict=True)))
