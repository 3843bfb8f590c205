"""Events that are looked at again and again: each is read from the ledger once."""

from __future__ import annotations

from typing import Generic, TypeVar

from meshclaw.flow.event.base import Event
from meshclaw.ledger.ledger import Ledger

E = TypeVar("E", bound=Event)


class Seen(Generic[E]):
    """All events of some kinds, of all runs."""

    def __init__(self, ledger: Ledger, *kinds: type[E]) -> None:
        self._ledger = ledger
        self._kinds = kinds
        self._seq = 0
        self._events: list[E] = []

    def all(self) -> list[E]:
        """In order, with those that came since the last call, whoever wrote them."""
        for stored in self._ledger.stored(*self._kinds, after=self._seq):
            self._events.append(stored.event)  # pyright: ignore[reportArgumentType]
            self._seq = stored.seq
        return self._events
