"""What somebody or something asked for, typed once at the edge."""

from __future__ import annotations

from typing import Literal

import msgspec

Trigger = Literal["terminal", "page", "schedule", "mail", "chat", "webhook", "mcp"]
Trust = Literal["person", "schedule", "outside"]
"""Who is behind it: the claw's own person, their own schedule, or anybody else."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    intent: str
    trigger: Trigger
    trust: Trust
    words: str = ""
    """What the person wrote, as they wrote it; empty where only an intent was declared."""
    earlier: tuple[str, ...] = ()
    """What they wrote before that in the same conversation: it names things, and asks for nothing any more."""
