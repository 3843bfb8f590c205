"""What leaves a device for the hub: sums over one day of one person's work, under a pseudonym of the quarter.

Nothing here is about one run, one mail or one minute; docs/decisions/0003-hub.md says why.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

Kind = Literal["used", "worked", "decided", "answered", "settled"]
"""``used``: calls of AI tools; ``worked``: runs of agents; ``decided``: the guard's decisions; ``answered``: a person's
answers to asks; ``settled``: what became of deeds."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of every store: the fields that a kind does not have stay empty or 0."""

    id: str
    """32 random hex digits; the same fact sent twice has the same one."""
    kind: Kind
    who: str
    """Pseudonym of the person in this quarter: 32 hex digits."""
    day: str
    """UTC date, as in ``2026-11-21``."""
    count: int = 1
    """How many calls, runs, decisions, answers or deeds it sums up."""
    intent: str = ""
    agent: str = ""
    """Name of an agent of the registry; ``own`` for a person's own."""
    tool: str = ""
    """AI tool, as in ``claude-code``; of ``used``."""
    model: str = ""
    cell: str = ""
    """Where its cost belongs in the spend partition."""
    effect: str = ""
    """Of the action, as in ``send``; of ``decided``, ``answered`` and ``settled``."""
    verdict: str = ""
    """``allow``, ``ask`` or ``deny``; of answers ``allowed``, ``denied`` or ``expired``."""
    rule: str = ""
    """The guard's rule that decided."""
    outcome: str = ""
    """``stood``, ``edited``, ``undone``, ``reworked``, ``reverted``, ``rejected`` or ``ignored``; of runs, how they
    ended."""
    hasty: int = 0
    """Of ``count`` answers, those given in under two seconds."""
    canaries: int = 0
    """Of ``count`` answers, those to an ask that should have been refused."""
    cost_micros: int = 0
    """Micro-dollars."""
    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    tool_calls: int = 0


def quarter_of(day: date) -> str:
    """``2026Q4``."""
    return f"{day.year}Q{(day.month + 2) // 3}"
