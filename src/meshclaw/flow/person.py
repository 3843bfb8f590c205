"""The employee the claw works for, as far as rights depend on it."""

from __future__ import annotations

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    login: str = ""
    """On this machine, as the system knows it."""
    unit: str = ""
    addresses: frozenset[str] = frozenset()
    """Their own mail addresses, lower case."""
    company: frozenset[str] = frozenset()
    """Domains whose addresses belong to colleagues, lower case."""
