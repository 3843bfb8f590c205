"""How much may be used: per run with all its sub-agents, in any hour, in any day. The tightest limit wins.

[limits.run]
recipients = 20
identical = 10
[limits.hour]
money = 25_000_000        # micro-dollars: 25 dollars
[limits.day]
deploys = 3

The same form in the ceiling file, which only lowers, and in ``limits.toml`` of the state folder, which also raises
what the careful default below would hold back.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged
from meshclaw.flow.limits import SPANS, UNLIMITED, Limits, RunWindow, Span, Window

DEFAULT = Limits(
    # A first triage changes each mail of the inbox once, and its undo changes each of them back.
    run=RunWindow(
        reads=5_000, changes=50_000, calls=100, recipients=50, files=500, deploys=3, money=500_000_000,
        inference=2_000_000, identical=20, questions=2, depth=3, children=10,
    ),
    hour=Window(
        reads=20_000, changes=100_000, calls=200, recipients=100, files=1_000, deploys=5, money=500_000_000,
        inference=10_000_000,
    ),
    day=Window(
        reads=100_000, changes=200_000, calls=1_000, recipients=300, files=5_000, deploys=20, money=1_000_000_000,
        inference=25_000_000,
    ),
)  # fmt: skip


class _File(msgspec.Struct, forbid_unknown_fields=True):
    limits: dict[str, object] = {}


def load(path: Path) -> Limits:
    """The person's limits: those in ``path`` over the default; Damaged where it cannot be understood."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
    except FileNotFoundError:
        return DEFAULT
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise _damaged(str(path), error) from error
    return _over(DEFAULT, parse(file.limits, str(path)))


def parse(table: object, where: str) -> Limits:
    """The table ``limits`` of a file; what it does not name is not limited by it.

    Raises Damaged, naming ``where``: a broken limit must not become no limit.
    """
    try:
        return msgspec.convert(table, Limits)
    except msgspec.ValidationError as error:
        raise _damaged(where, error) from error


def tightest(*layers: Limits) -> Limits:
    """The smallest number that any of ``layers`` names, each by itself."""
    return reduce(_lower, layers)


def each(limits: Limits) -> Iterator[tuple[Span, str, int]]:
    """Every single limit: span, name, number."""
    for span in SPANS:
        window = limits.of(span)
        for name in window.__struct_fields__:
            yield span, name, getattr(window, name)


def _lower(one: Limits, other: Limits) -> Limits:
    return _merged((span, name, min(a, b)) for (span, name, a), (_, _, b) in _pairs(one, other))


def _over(base: Limits, named: Limits) -> Limits:
    return _merged(
        (span, name, a if b == UNLIMITED else b) for (span, name, a), (_, _, b) in _pairs(base, named)
    )


def _pairs(one: Limits, other: Limits) -> Iterator[tuple[tuple[Span, str, int], tuple[Span, str, int]]]:
    return zip(each(one), each(other), strict=True)


def _merged(numbers: Iterator[tuple[Span, str, int]]) -> Limits:
    windows: dict[Span, dict[str, int]] = {span: {} for span in SPANS}
    for span, name, number in numbers:
        windows[span][name] = number
    return Limits(
        run=RunWindow(**windows["run"]), hour=Window(**windows["hour"]), day=Window(**windows["day"])
    )


def _damaged(where: str, error: Exception) -> Damaged:
    return Damaged(
        f"the limits in {where!r} cannot be understood ({error}), so nothing runs",
        fix="Mend the file; what may stand in it: docs/budget.md",
    )
