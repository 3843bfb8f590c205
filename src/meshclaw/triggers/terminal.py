"""The person themselves, typing."""

from __future__ import annotations

from meshclaw.flow.request import Request


def receive(intent: str, words: str = "") -> Request:
    """``words``: what they typed, as they typed it."""
    return Request(intent=intent, trigger="terminal", trust="person", words=words)
