"""What the person set up to happen by itself: at a time, on a change, on a message."""

from __future__ import annotations

from meshclaw.flow.request import Request, Trigger


def receive(intent: str, words: str = "", *, trigger: Trigger = "schedule") -> Request:
    """``words``: the person read them when they said yes to it, and their licence they are."""
    return Request(intent=intent, trigger=trigger, trust="schedule", words=words)
