"""The person themselves, in the claw's own page."""

from __future__ import annotations

from meshclaw.flow.request import Request


def receive(intent: str, words: str = "") -> Request:
    """``words``: what they typed, as they typed it."""
    return Request(intent=intent, trigger="page", trust="person", words=words)
