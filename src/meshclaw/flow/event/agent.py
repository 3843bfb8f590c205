"""What happens to the agents that a person installs; what they say stays in the state folder."""

from __future__ import annotations

from meshclaw.flow.event.base import Event


class AgentInstalled(Event, frozen=True, kw_only=True, tag="agent.installed"):
    """A person read the rights that it asks and took it in, or took it back; from here on it can be run."""

    digest: str
    """SHA-256 over all its files: any change of one, and it does nothing."""
    replaces: str = ""
    """Digest of the one whose place it takes, or empty."""
    restored: bool = False
    """It had been removed and was taken back as it was."""


class AgentRemoved(Event, frozen=True, kw_only=True, tag="agent.removed"):
    """It can no longer be run; its files are kept until they are purged."""

    digest: str
    """SHA-256 over all its files."""


class AgentPurged(Event, frozen=True, kw_only=True, tag="agent.purged"):
    """The files of every version of a removed agent were deleted."""

    versions: int
    """How many there were."""
