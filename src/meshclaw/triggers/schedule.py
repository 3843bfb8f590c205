"""What the person set up to happen by itself: the daemon's watch over a mailbox."""

from __future__ import annotations

from meshclaw.flow.request import Request


def receive(intent: str) -> Request:
    return Request(intent=intent, trigger="schedule", trust="schedule")
