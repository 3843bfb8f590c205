"""What was read of other AI tools' records."""

from __future__ import annotations

from meshclaw.flow.event.base import Event


class UsageImported(Event, frozen=True, kw_only=True, tag="usage.imported"):
    files: int
    """Files that were new or had changed."""
    read_bytes: int
    """Bytes of them that were read."""
    calls: int
    """Calls that are new, or fuller than they were known."""
    unread: int
    """Places that could not be read, or not wholly."""
    digest: str
    """SHA-256 over the keys and sums of those calls."""
