"""What leaves a device for the hub: sums over one day of one person's work, under a pseudonym of the quarter.

Nothing here is about one run, one mail or one minute; docs/decisions/0003-hub.md says why.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Kind = Literal["used", "worked", "decided", "answered", "settled"]
"""``used``: calls of AI tools; ``worked``: runs of agents; ``decided``: the guard's decisions; ``answered``: a person's
answers to asks; ``settled``: what became of deeds."""

Hex = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Name = Annotated[str, Meta(max_length=100, pattern=r"\A[!-~]*\Z")]
"""Printable ASCII without blanks: nobody can put a sentence into a fact."""
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of every store: the fields that a kind does not have stay empty or 0."""

    id: Hex
    """32 random hex digits; the same fact sent twice has the same one."""
    kind: Kind
    who: Hex
    """Pseudonym of the person in this quarter: 32 hex digits."""
    day: Annotated[str, Meta(pattern=r"\A\d{4}-\d\d-\d\d\Z")]
    """UTC date, as in ``2026-11-21``."""
    count: Count = 1
    """How many calls, runs, decisions, answers or deeds it sums up; 0 where only what they cost is told anew."""
    intent: Name = ""
    agent: Name = ""
    """Name of an agent of the registry; ``own`` for a person's own."""
    tool: Name = ""
    """AI tool, as in ``claude-code``; of ``used``."""
    model: Name = ""
    cell: Name = ""
    """Where its cost belongs in the spend partition."""
    effect: Name = ""
    """Of the action, as in ``send``; of ``decided``, ``answered`` and ``settled``."""
    verdict: Name = ""
    """``allow``, ``ask`` or ``deny``; of answers ``allowed``, ``denied`` or ``expired``."""
    rule: Name = ""
    """The guard's rule that decided."""
    outcome: Name = ""
    """``stood``, ``edited``, ``undone``, ``reworked``, ``reverted``, ``rejected`` or ``ignored``; of runs, how they
    ended."""
    hasty: Count = 0
    """Of ``count`` answers, those given in under two seconds."""
    cost_micros: Count = 0
    """Micro-dollars."""
    input_uncached: Count = 0
    cache_read: Count = 0
    cache_write_5m: Count = 0
    cache_write_1h: Count = 0
    output: Count = 0
    reasoning: Count = 0
    tool_calls: Count = 0


def quarter_of(day: date) -> str:
    """``2026Q4``."""
    return f"{day.year}Q{(day.month + 2) // 3}"
