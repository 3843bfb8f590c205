"""What triage decided about a mail, and what became of it."""

from __future__ import annotations

from meshclaw.flow.event.base import Event
from meshclaw.flow.outcome import OutcomeState
from meshclaw.flow.placement import Category


class PlacementMade(Event, frozen=True, kw_only=True, tag="placement.made"):
    message: str
    """Id of the mail: 16 hex digits of its digest."""
    ref: str
    """Where the mailbox held it, before any move."""
    category: Category
    """What it is."""
    folder: str
    """Where it belongs."""
    signals: tuple[str, ...]
    """Labels of the evidence, strongest first."""
    content: str
    """Digest of the explanation in the content store."""


class OutcomeObserved(Event, frozen=True, kw_only=True, tag="outcome.observed"):
    external_id: str
    """Of the action whose outcome this is."""
    message: str
    """Id of the mail."""
    state: OutcomeState
    """stood, edited, undone or ignored."""
    category: Category
    """What triage had said."""
    evidence: str
    """How it was seen, as in ``moved-back``."""
    folder: str = ""
    """Where the person put it, where they put it anywhere."""
