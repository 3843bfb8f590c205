"""A chat: the claw's own person in a direct message, a mention or a slash command; or anybody else."""

from __future__ import annotations

from meshclaw.flow.request import Request, Trust


def receive(intent: str, words: str = "", *, trust: Trust = "person") -> Request:
    """``trust`` is ``person`` only where the chat's own server vouches that the claw's person wrote it."""
    return Request(intent=intent, trigger="chat", trust=trust, words=words)
