"""What changes around the guard: autonomy, reviews, the kill switch and the clock."""

from __future__ import annotations

from typing import Literal

from meshclaw.flow.autonomy import Level
from meshclaw.flow.event.base import Event


class AutonomyChanged(Event, frozen=True, kw_only=True, tag="autonomy.changed"):
    verb: str
    """``connector.verb``; with ``agent`` the place on the ladder."""
    level: Level
    """The new level."""
    by: Literal["person", "rejection"]
    """A person promotes or demotes; a rejected approval demotes."""


class ClawStopped(Event, frozen=True, kw_only=True, tag="claw.stopped"):
    """The person pulled the kill switch; why is theirs and stays in the state folder."""


class StopLifted(Event, frozen=True, kw_only=True, tag="stop.lifted"):
    """The person let the claw go on."""

    after_ms: int
    """How long it had been stopped, milliseconds."""


class CompanyPolicyTaken(Event, frozen=True, kw_only=True, tag="company_policy.taken"):
    version: int
    """Of the policy that the company's hub gave out."""
    stopped: bool
    """It stops every claw."""
    understood: bool
    """It is in force; otherwise the one before it still is, but for the stop."""


class ClockStepped(Event, frozen=True, kw_only=True, tag="clock.stepped_back"):
    back_ms: int
    """How far the clock went back since the last event, milliseconds."""


class ConnectorReviewed(Event, frozen=True, kw_only=True, tag="connector.reviewed"):
    connector: str
    """Its name."""
    pin: str
    """SHA-256 over everything it declares: any change needs another review."""
