"""How a refusal gets from where it is found to the one place that answers and records it."""

from __future__ import annotations


class Refuse(Exception):
    """Ends one connection of the proxy; never leaves it. ``reason`` names no secret."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
