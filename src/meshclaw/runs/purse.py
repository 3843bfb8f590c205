"""Money for models that somebody else gives out, as a company's budget does."""

from __future__ import annotations

from typing import Protocol


class Purse(Protocol):
    def take(self, intent: str, agent: str, micros: int) -> str:
        """Hold what a call can cost; by what it is settled. Raises Refused where there is no money left."""
        ...

    def settle(self, lease: str, held: int, used: int) -> None:
        """Once it is known what the call cost."""
        ...


class NoPurse:
    """Where nobody gives out money: the limits alone count."""

    def take(self, intent: str, agent: str, micros: int) -> str:  # noqa: ARG002
        return ""

    def settle(self, lease: str, held: int, used: int) -> None:
        pass


OWN = NoPurse()
