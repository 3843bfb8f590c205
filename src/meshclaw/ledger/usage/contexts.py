"""What many calls have in common, by number: strings, and whole contexts of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from operator import itemgetter
from typing import Protocol, cast

import msgspec

from meshclaw.flow.usage import Usage
from meshclaw.ledger.usage.schema import BYS, CONTEXT

Part = str | tuple[str, ...] | bool
"""A tuple is stored as lines, a bool as text that is empty for False."""
Context = tuple[Part, ...]
"""Field for field ``schema.CONTEXT``, without the labels at its end."""
Tariff = Callable[[Usage], tuple[int, bool]]
"""What a call costs in nano-dollars (what a call costs is seldom a whole number of micro-dollars, and a year of calls
must add up to one), and whether its model has a price of its own."""

DAY_MS = 86_400_000
MOST_REMEMBERED = 100_000
_ADD = f"INSERT INTO context VALUES ({','.join('?' * (1 + len(CONTEXT)))})"  # noqa: S608 - fixed words
_LISTS = {CONTEXT.index(name) for name in ("did", "files")}
_FLAGS = {CONTEXT.index(name) for name in ("by_machine", "has_message")}
_LABELS = 4
_slot = itemgetter(*(CONTEXT.index(by) for by in BYS))


class Labels(msgspec.Struct, frozen=True):
    """What is ours to say of all calls of a context."""

    intent: str
    """What was declared."""
    kind: str
    """What is inferred."""
    both: str
    """The declared one in the words of the inferred one, and that one; empty where they cannot be compared."""
    cell: str
    """Of the spend partition."""
    is_counted: bool = True
    """False for sums that only check what finer sources say."""


class Judge(Protocol):
    """What is ours to say about calls; asked once for each context, not for each call."""

    def label(self, usage: Usage) -> Labels: ...

    def tariff(self, usage: Usage) -> Tariff:
        """For all calls of the same context on the same day (UTC)."""
        ...


class Known(msgspec.Struct):
    """A context that this run has met."""

    tool: int
    evidence: int
    number: int
    is_counted: int
    tariff: Tariff
    day: int
    """Since 1970, on which ``tariff`` holds: most contexts have one day alone."""


class Names(dict[Part, int]):
    """Strings by number; those of this run are remembered."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__()
        self._db = db
        self._texts: dict[int, str] = {}

    def __missing__(self, part: Part) -> int:
        text = _text(part)
        added = self._db.execute("INSERT OR IGNORE INTO name (text) VALUES (?)", (text,))
        number = added.lastrowid if added.rowcount else None
        if number is None:
            [number] = self._db.execute("SELECT id FROM name WHERE text = ?", (text,)).fetchone()
        self[part] = number
        return number

    def text(self, number: int) -> str:
        known = self._texts.get(number)
        if known is None:
            [known] = self._db.execute("SELECT text FROM name WHERE id = ?", (number,)).fetchone()
            self._texts[number] = known
        return known

    def forget(self) -> None:
        self.clear()
        self._texts.clear()


class Contexts(dict[Context, Known]):
    """Those of this run are remembered; another run may store an equal one under another number."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__()
        self.names = Names(db)
        self._db = db
        self._contexts: dict[int, Context] = {}
        self._slots: dict[int, tuple[int, ...]] = {}
        self._numbers: dict[tuple[int, ...], int] = {}
        """Of those that were read from the store."""
        self._new: list[tuple[int, ...]] = []
        self._next = 0

    def meet(self, context: Context, usage: Usage, judge: Judge) -> Known:
        """For the first time in this run, or since labels may have changed; or on another day."""
        known, day = self.get(context), usage.at // DAY_MS
        if known is None:
            known = self[context] = self._met(context, judge.label(usage), judge.tariff(usage), day)
        elif known.day != day:
            known.tariff, known.day = judge.tariff(usage), day
        return known

    def _met(self, context: Context, labels: Labels, tariff: Tariff, day: int) -> Known:
        ours = (labels.intent, labels.kind, labels.both, labels.cell)
        values = tuple(map(self.names.__getitem__, (*context, *ours)))
        number = self._numbers.get(values) or self._number()
        if number not in self._contexts:
            self._new.append((number, *values))
            self._contexts[number], self._slots[number] = context, _slot(values)
        return Known(values[0], values[1], number, int(labels.is_counted), tariff, day)

    def _number(self) -> int:
        if not self._next:
            [self._next] = self._db.execute("SELECT ifnull(max(id), 0) + 1 FROM context").fetchone()
        self._next += 1
        return self._next - 1

    def of(self, number: int) -> Context:
        if number not in self._contexts:
            query = "SELECT * FROM context WHERE id = ?"
            values = cast("tuple[int, ...]", self._db.execute(query, (number,)).fetchone()[1:])
            self._contexts[number] = tuple(
                _part(place, self.names.text(value)) for place, value in enumerate(values[:-_LABELS])
            )
            self._slots[number] = _slot(values)
            self._numbers[values] = number
        return self._contexts[number]

    def slot(self, number: int) -> tuple[int, ...]:
        """Its value for each of ``BYS``."""
        if number not in self._slots:
            self.of(number)
        return self._slots[number]

    def write(self) -> None:
        """The new ones. Others may write before this run makes its next one."""
        self._db.executemany(_ADD, self._new)
        self._new, self._next = [], 0
        if len(self) > MOST_REMEMBERED:
            self._forget()

    def forget(self) -> None:
        """After a rollback a number may be another's."""
        self._new, self._next = [], 0
        self._forget()
        self.names.forget()

    def _forget(self) -> None:
        for remembered in (self, self._contexts, self._slots, self._numbers):
            remembered.clear()


def _text(part: Part) -> str:
    if isinstance(part, tuple):
        return "\n".join(part)
    return part if isinstance(part, str) else "1" if part else ""


def _part(place: int, text: str) -> Part:
    return words(text) if place in _LISTS else text != "" if place in _FLAGS else text


def words(lines: str) -> tuple[str, ...]:
    return tuple(lines.split("\n")) if lines else ()
