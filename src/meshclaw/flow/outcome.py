"""What became of a receipt."""

from __future__ import annotations

from typing import Literal

import msgspec

OutcomeState = Literal["stood", "edited", "undone", "reworked", "reverted", "rejected", "ignored", "pending"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    external_id: str
    """Of the action it belongs to."""
    state: OutcomeState
    category: str
    """What was placed there, as in ``bulk``: the class in which outcomes are counted."""
    evidence: str
    """A stable label: how it was seen, as in ``moved-back``."""
