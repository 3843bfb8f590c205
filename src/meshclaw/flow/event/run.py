"""What happens to a run."""

from __future__ import annotations

from meshclaw.flow.event.base import Event
from meshclaw.flow.request import Trigger, Trust


class RunStarted(Event, frozen=True, kw_only=True, tag="run.started"):
    trigger: Trigger
    """What set it off."""
    trust: Trust
    """Who is behind it."""
    subject: str
    """Digest of what it works on (a mailbox address): 16 hex digits."""
    words: str = ""
    """Digest of the person's own words in the content store; empty where only an intent was declared."""
    parent: str = ""
    """The run that started it for a part of its work, or empty."""
    after: str = ""
    """The run whose conversation it goes on with, or empty."""
    model: str = ""
    """The class or the model that it asks, as the settings name it; empty where it asks none."""


class PlanFrozen(Event, frozen=True, kw_only=True, tag="plan.frozen"):
    """What the request may use, as it stood before anything that strangers may have written was read."""

    verbs: tuple[str, ...]
    """All that may be used from now on, sorted."""
    written: tuple[str, ...]
    """Types of destination whose values the person wrote out."""


class RunResumed(Event, frozen=True, kw_only=True, tag="run.resumed"):
    settled: int
    """Reserved actions that were found done, not done or unknown before work went on."""


class RunFrozen(Event, frozen=True, kw_only=True, tag="run.frozen"):
    """It wanted to ask too much after it had read what others can write; from here on it may only read."""

    questions: int
    """Put to the person before that."""


class RunFinished(Event, frozen=True, kw_only=True, tag="run.finished"):
    done: int
    """Actions performed."""
    asked: int
    """Actions that wait for an approval."""
    denied: int
    """Actions the guard refused."""
    failed: int
    """Actions that failed or whose effect is unknown."""


class RunFailed(Event, frozen=True, kw_only=True, tag="run.failed"):
    error: str
    """Stable code of the error, as in ``not_reachable``."""


class RunCancelled(Event, frozen=True, kw_only=True, tag="run.cancelled"):
    open: int
    """Actions and approvals that were still open and will not happen."""
