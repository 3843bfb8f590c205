"""Where a mail goes and why: what triage proposes for one message."""

from __future__ import annotations

from typing import Literal

import msgspec

Category = Literal["reply", "act", "waiting", "read", "bulk", "alert", "suspicious"]
CATEGORIES: tuple[Category, ...] = ("reply", "act", "waiting", "alert", "read", "bulk", "suspicious")
"""In the order in which a person wants to see them."""

INBOX = "INBOX"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One reason. ``signal`` is a stable label that may stand in an event; ``words`` may not."""

    signal: str
    weight: float
    """Positive speaks for the chosen category, negative against it."""
    words: str
    """A clause for the person, e.g. "it asks you a direct question"."""


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    """Message.id"""
    category: Category
    folder: str
    confidence: float
    """0 to 1."""
    why: str
    """One sentence for the person."""
    evidence: tuple[Evidence, ...] = ()
