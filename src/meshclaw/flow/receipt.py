"""Proof that an action happened."""

from __future__ import annotations

import msgspec

from meshclaw.flow.action import Value


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """The action that takes it back; itself guarded and recorded like any other."""

    verb: str
    arguments: dict[str, Value]
    sealed: dict[str, str] = {}
    """In an event: digests of the arguments whose values are in the content store only."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    external_id: str
    link: str = ""
    """Where to look: ``Bulk/1732190400.M1P2.host`` for a mail. It stands in an event: no content."""
    undo: Undo | None = None
