"""What a request may use, fixed before a run reads anything that strangers may have written."""

from __future__ import annotations

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    verbs: frozenset[str]
    """All that the request may use: what it asks for, and reading."""
    written: frozenset[str]
    """Types of destination whose values the person wrote out, as in ``address``."""
