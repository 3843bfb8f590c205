"""What happens to what the claw remembers: numbers, counts and digests, never a word of it."""

from __future__ import annotations

from meshclaw.flow.event.base import Event
from meshclaw.flow.memory import By


class MemoryRevised(Event, frozen=True, kw_only=True, tag="memory.revised"):
    """One numbered change of the memory, whole."""

    revision: int
    """Its number."""
    by: By
    """Who wanted it."""
    digest: str
    """SHA-256, salted, over what it did: the memory holds salt and text."""
    counts: dict[str, int]
    """Operations by kind."""
    undoes: int = 0
    """Number of the revision that it takes back, or 0."""


class MemoryVetoed(Event, frozen=True, kw_only=True, tag="memory.vetoed"):
    """The person took back what a dream had learned; no dream learns it again."""

    revision: int
    """Number of what was taken back."""
    facts: int
    """How many."""


class MemoryForgotten(Event, frozen=True, kw_only=True, tag="memory.forgotten"):
    """Erased for good, with what it had been made of."""

    facts: int
    """How many."""


class MemoryRecalled(Event, frozen=True, kw_only=True, tag="memory.recalled"):
    """Facts that stood in a prompt from its beginning."""

    facts: tuple[int, ...]
    """Their numbers; the texts are in the memory only."""


class DreamBegan(Event, frozen=True, kw_only=True, tag="dream.began"):
    after: int
    """Number of the last event whose words a model had read on an earlier night."""
    since: int
    """Number of the last event that the dream before looked at."""
    until: int
    """Number of the last event that this one looks at, however often it is begun anew."""


class DreamEnded(Event, frozen=True, kw_only=True, tag="dream.ended"):
    revision: int
    """The one it made; 0 where it changed nothing."""
    turns: int
    """Requests in the person's own words that a model read."""
    left: int
    """Those that are left for the next night."""
    known: int
    """Proposals of what was known already."""
    refused: dict[str, int]
    """Proposals refused, by reason."""
    conflicts: int
    """Contradictions that could not be judged: both are kept."""
    model: str
    """The class or model that was asked; empty where none was."""
    without: str
    """Why none was asked, or why it did not answer: a stable label."""
