"""Outcomes per category, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import sqrt

import msgspec

from meshclaw.flow.event.mail import OutcomeObserved
from meshclaw.flow.outcome import OutcomeState
from meshclaw.flow.placement import CATEGORIES, Category

SETTLED: tuple[OutcomeState, ...] = ("stood", "edited", "undone")
Z95 = 1.959963984540054


class Share(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    share: float | None
    """Of the settled ones; None where there is none."""
    low: float
    high: float
    """95 % Wilson interval (Wilson 1927)."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    category: Category
    settled: int
    """stood + edited + undone: what the person's own acts, or a week without one, decided."""
    stood: Share
    edited: Share
    undone: Share
    ignored: int
    pending: int


def count(observed: Iterable[OutcomeObserved], pending: Iterable[Category]) -> list[Row]:
    """One row per category that has any, in the order of ``CATEGORIES``."""
    states: Counter[tuple[Category, OutcomeState]] = Counter(
        (event.category, event.state) for event in observed
    )
    waiting = Counter(pending)
    seen = {category for category, _ in states} | set(waiting)
    return [_row(category, states, waiting[category]) for category in CATEGORIES if category in seen]


def _row(category: Category, states: Counter[tuple[Category, OutcomeState]], pending: int) -> Row:
    counts = {state: states[category, state] for state in SETTLED}
    settled = sum(counts.values())
    shares = {state: share_of(number, settled) for state, number in counts.items()}
    return Row(
        category=category, settled=settled, ignored=states[category, "ignored"], pending=pending, **shares
    )


def share_of(number: int, of: int) -> Share:
    low, high = wilson(number, of)
    return Share(count=number, share=number / of if of else None, low=low, high=high)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval; honest where counts are small, unlike the normal one."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, Z95 * Z95
    centre = share + z2 / (2 * trials)
    spread = Z95 * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    scale = 1 + z2 / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
