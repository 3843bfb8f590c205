"""Patterns that a person looks for in what others wrote: what some text could keep busy for ever is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple, cast

LINE = (4_000, 1_000, 120)
"""Characters that are looked at together, by the open-ended repeats of the pattern: the time grows with their number to
the power of those and one. A longer line is cut."""
LINES = 250
MOST = 8
"""Repeats in all: each may double the time."""
_OPEN = 50
_PARSER: Any = import_module("re._parser")
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


class Repeat(NamedTuple):
    is_open: bool
    is_tangled: bool
    """Within another one, or over something that may be read in two ways."""


def problem(pattern: str) -> str:
    """What is wrong with it; empty where nothing is."""
    try:
        repeats = list(_repeats(_PARSER.parse(pattern), inside=False))
    except (re.error, RecursionError, OverflowError) as error:
        return f"{pattern!r} is no regular expression ({error})"
    if any(one.is_tangled for one in repeats):
        return f"{pattern!r} repeats what repeats, or may be read in two ways: some text would keep it busy for ever"
    if len(repeats) > MOST or _open(repeats) >= len(LINE):
        return f"{pattern!r} has too many repeats; it may have {len(LINE) - 1} without an end, {MOST} in all"
    return ""


def found(pattern: str, text: str) -> bool:
    """In one of the first 250 lines."""
    compiled = re.compile(pattern)
    most = LINE[_open(_repeats(_PARSER.parse(pattern), inside=False))]
    pieces = (line[at : at + most] for line in text.splitlines() for at in range(0, max(1, len(line)), most))
    return any(compiled.search(piece) for piece, _ in zip(pieces, range(LINES), strict=False))


def _open(repeats: Iterable[Repeat]) -> int:
    return sum(one.is_open for one in repeats)


def _repeats(parsed: Any, *, inside: bool) -> Iterator[Repeat]:
    """Those that may be longer or shorter."""
    for code, value in _items(parsed):
        if code not in _REPEATS:
            for part in _parts(value):
                yield from _repeats(part, inside=inside)
            continue
        least, most, body = value
        if least != most:
            choice = int(most) > 1 and any(one in {"BRANCH", "GROUPREF"} for one, _ in _all(body))
            yield Repeat(int(most) > _OPEN, inside or choice)
        yield from _repeats(body, inside=inside or int(most) > 1)


def _items(parsed: Any) -> Iterator[tuple[str, Any]]:
    return ((str(code), value) for code, value in parsed)


def _all(parsed: Any) -> Iterator[tuple[str, Any]]:
    for code, value in _items(parsed):
        yield code, value
        for part in _parts(value):
            yield from _all(part)


def _parts(value: Any) -> Iterator[Any]:
    """What is parsed further below."""
    if isinstance(value, _PARSER.SubPattern):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in cast("tuple[Any, ...]", value):
            yield from _parts(one)
