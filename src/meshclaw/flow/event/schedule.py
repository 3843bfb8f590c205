"""What happens by itself: schedules, watches and standing intents. Their words lie in the state folder."""

from __future__ import annotations

from typing import Literal

from meshclaw.flow.event.base import Event
from meshclaw.flow.schedule import Why

Off = Literal["person", "changed", "over"]


class ScheduleEnabled(Event, frozen=True, kw_only=True, tag="schedule.enabled"):
    """A person read when it runs and what is asked then, and said yes."""

    schedule: str
    """Its id: 16 hex digits."""
    digest: str
    """Over its time, words, intent, and the agent that was read: where one of them changes, it does nothing."""


class ScheduleDisabled(Event, frozen=True, kw_only=True, tag="schedule.disabled"):
    schedule: str
    """Its id."""
    why: Off
    """A person's word; its agent is not the one that was read; it was for once."""


class ScheduleFired(Event, frozen=True, kw_only=True, tag="schedule.fired"):
    """A due time was taken, in one transaction with the start of its run: nobody takes it again."""

    schedule: str
    """Its id."""
    due: str
    """RFC 3339, UTC."""
    late_s: int = 0
    """How long after that, seconds."""
    caught_up: bool = False
    """It had passed while nothing ran."""


class ScheduleMissed(Event, frozen=True, kw_only=True, tag="schedule.missed"):
    """Due times in a row that came to nothing, and are told."""

    schedule: str
    """Its id."""
    first: str
    """RFC 3339, UTC."""
    last: str
    """RFC 3339, UTC."""
    count: int
    """How many, at most 10,000."""
    why: Why
    """``away``: nothing ran then; ``quiet``: one run stood for several; ``running``: the run before was still going."""


class JobEnded(Event, frozen=True, kw_only=True, tag="job.ended"):
    """Work of our own code that a schedule began, as the nightly dream, has ended."""

    schedule: str
    """Its id."""
    due: str
    """Of the fire that began it."""
    error: str = ""
    """Stable code of the error; empty where it went well."""


class WatchChanged(Event, frozen=True, kw_only=True, tag="watch.changed"):
    """A person added a watch, or took one away."""

    watch: str
    """Its id: 16 hex digits."""
    what: Literal["added", "removed"]
    """Which of the two."""


class WatchFired(Event, frozen=True, kw_only=True, tag="watch.fired"):
    """What it waits for has come; in one transaction with the start of its run, where it asks for one."""

    watch: str
    """Its id."""
    when: str
    """Kind of what it waits for: changed, fails, works, matches, over or under."""
    number: int
    """1 for its first fire."""
    seen: str
    """Digest of what it saw in words of ours, in the content store."""


class WatchFailed(Event, frozen=True, kw_only=True, tag="watch.failed"):
    """It could not look several times in a row, so nobody knows."""

    watch: str
    """Its id."""
    looks: int
    """How many in a row."""
    error: str
    """Stable code of the last error."""


class StandingChanged(Event, frozen=True, kw_only=True, tag="standing.changed"):
    """A person gave a standing intent, or took it back; or it ran out."""

    standing: str
    """Its id: 16 hex digits."""
    what: Literal["added", "removed", "expired", "used-up"]
    """Which of them; ``used-up``: it was done as often as it may."""


class StandingMatched(Event, frozen=True, kw_only=True, tag="standing.matched"):
    """A message fits it."""

    standing: str
    """Its id."""
    message: str
    """Id of the message: 16 hex digits."""
    why: str
    """Digest of what it matched by, in the content store."""
    trigger: Literal["mail", "chat"]
    """How it came."""
    held: Literal["", "cooldown", "budget"] = ""
    """Why nothing is asked because of it; empty where something is, once."""


class StandingStarted(Event, frozen=True, kw_only=True, tag="standing.started"):
    """What was matched was asked, in one transaction with the start of the run; or left, where it has none."""

    standing: str
    """Its id."""
    message: str
    """Id of the message."""
