"""The employee the claw works for, by what neither they nor the claw can choose."""

from __future__ import annotations

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    login: str = ""
    """On this machine, as the system knows it."""
    unit: str = ""
    company: frozenset[str] = frozenset()
    """Domains whose addresses belong to colleagues, lower case."""
