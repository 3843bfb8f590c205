"""The loop of every reader whose files are a record a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Unread, Usage
from meshclaw.readers.base import Found, Place
from meshclaw.readers.lines import read_lines
from meshclaw.readers.records import Fields, Odd, decoded, strangers, told

Call = Callable[[Fields], Usage | None]
"""The call that a record is, or is the end of; None where it is none. Raises Odd."""
Cost = Callable[[Fields], object]
"""What the record says that it cost."""
DOLLAR = 1_000_000


def found_in(
    name: str, line: int, fields: Fields, call: Call, cost: Cost | None = None, *, per_unit: int = DOLLAR
) -> Iterator[Usage | Unread]:
    """What one record has; ``name`` and ``line`` say where it stands.

    ``per_unit``: micro-dollars of one unit of ``cost``.
    """
    try:
        usage = call(fields)
    except Odd as odd:
        yield Unread(path=name, line=line, why=odd.why)
        return
    if usage is not None:
        yield from told(usage, name, line, cost=cost(fields) if cost else None, per_unit=per_unit)


def read_calls(
    path: Path,
    place: Place,
    call: Call,
    *,
    marks: tuple[bytes, ...],
    cost: Cost | None = None,
    counts: Callable[[Fields], Fields] | None = None,
    known: AbstractSet[str] = frozenset(),
    state: msgspec.Struct | None = None,
) -> Iterator[Found]:
    """Every call of a file, from ``place`` on, and at the end where to go on with the ``state`` that ``call`` keeps.

    ``marks``: one of them is in every line that matters. ``counts``: the part of a call's record whose fields are to
    be ``known``; the others are told of.
    """
    name, unknown = str(path), Counter[str]()
    for found in read_lines(path, place):
        if isinstance(found, Place):
            place = found
        elif isinstance(found, Unread):
            yield found
        elif any(mark in found[1] for mark in marks):
            fields = decoded(found[1])
            if fields is None:
                yield Unread(path=name, line=found[0], why="malformed")
                continue
            for one in found_in(name, found[0], fields, call, cost):
                if counts and isinstance(one, Usage):
                    unknown.update(counts(fields).keys() - known)
                yield one
    yield from strangers(path, unknown)
    yield Place(offset=place.offset, line=place.line, state=msgspec.json.encode(state) if state else b"")
