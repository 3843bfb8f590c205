"""What every event carries. The writer stamps ``id``, ``ts`` and ``device``; nobody else does."""

from __future__ import annotations

import msgspec

VERSION = 1


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    id: str = ""
    """UUIDv7, stamped by the writer."""
    ts: str = ""
    """RFC 3339, UTC, microseconds, stamped by the writer."""
    v: int = VERSION
    """Schema version of this kind."""
    device: str = ""
    """Id of the device whose key signs this ledger, stamped by the writer."""
    run: str = ""
    """The run it belongs to; empty for what a person or the machine did outside a run."""
    intent: str = ""
    """Declared purpose of the run, as in ``mail.triage``."""
    agent: str = ""
    """Name and version of the agent that ran, as in ``mail-triage@1``."""
