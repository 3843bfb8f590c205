"""Which lines of a change are old ones whose white space alone changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise


def respaced(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """Pairs of positions, rising on both sides; lines come without their white space.

    Lines with the same text that stand once on either side hold the two sides together; from there, and from both
    ends, lines are paired as far as they are the same. Where empty lines alone are the same, nothing is paired.
    """
    if old == new:
        return [(i, i) for i in range(len(old))]
    some = set(old)
    some.discard(b"")
    if some.isdisjoint(new):
        return []
    ends = [(-1, -1), *_anchors(old, new), (len(old), len(new))]
    pairs: list[tuple[int, int]] = []
    for start, stop in pairwise(ends):
        pairs += _between(old, new, start, stop)
    return pairs


def _between(
    old: Sequence[bytes], new: Sequence[bytes], start: tuple[int, int], stop: tuple[int, int]
) -> list[tuple[int, int]]:
    """Downwards from one anchor, which belongs to the pairs, and upwards from the next, which does not."""
    (i, j), (stop_i, stop_j) = start, stop
    down = [(i, j)] if i >= 0 else []
    i, j = i + 1, j + 1
    while i < stop_i and j < stop_j and old[i] == new[j]:
        down.append((i, j))
        i, j = i + 1, j + 1
    up: list[tuple[int, int]] = []
    while stop_i > i and stop_j > j and old[stop_i - 1] == new[stop_j - 1]:
        stop_i, stop_j = stop_i - 1, stop_j - 1
        up.append((stop_i, stop_j))
    return down + up[::-1]


def _anchors(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """The longest rising run of lines that stand once on either side."""
    left, right = _once(old), _once(new)
    shared = [(i, right[line]) for line, i in left.items() if line and line in right]
    return _rising(shared)


def _once(lines: Sequence[bytes]) -> dict[bytes, int]:
    """Position of every line that stands once, in order."""
    seen: dict[bytes, int] = {}
    for position, line in enumerate(lines):
        seen[line] = -1 if line in seen else position
    return {line: position for line, position in seen.items() if position >= 0}


def _rising(shared: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Longest increasing subsequence by the second position (patience sorting)."""
    tops: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for position, (_, j) in enumerate(shared):
        pile = bisect_left(tops, j)
        tops[pile : pile + 1] = [j]
        last[pile : pile + 1] = [position]
        before.append(last[pile - 1] if pile else -1)
    found: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(shared[at])
        at = before[at]
    return found[::-1]
