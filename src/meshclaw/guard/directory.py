"""Whom the person knows: their own names and addresses, and those in their own books.

Only what the person put there counts: contacts they made, people they wrote to. A book that programs fill from
incoming mail holds every attacker.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from meshclaw.guard import text


class Entry(msgspec.Struct, frozen=True):
    type: str
    """As in ``address``."""
    value: str
    name: str = ""


class Directory(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    own: frozenset[str] = frozenset()
    """The person's own addresses and handles, in normal form."""
    entries: tuple[Entry, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = {}
    """Addresses of mailing lists with the members that are known; all in normal form."""

    @cached_property
    def addresses(self) -> frozenset[str]:
        """Every mail address in it, their own included, in normal form."""
        return self.own | {text.address(one.value) for one in self.entries if one.type == "address"}
