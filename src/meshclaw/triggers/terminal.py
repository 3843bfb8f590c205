"""The person themselves, typing."""

from __future__ import annotations

from meshclaw.flow.request import Request


def receive(intent: str) -> Request:
    return Request(intent=intent, trigger="terminal", trust="person")
