"""Hearing of new facts: services learn from the ledger what others did, and nobody has to tell them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from meshclaw.flow.event.base import Event
from meshclaw.ledger.ledger import Ledger, Stored

LOOK_S = 0.5
"""Between two looks at the ledger's end: about 20 microseconds each."""


def follow(
    ledger: Ledger, stop: threading.Event, *kinds: type[Event], after: int | None = None
) -> Iterator[Stored]:
    """Events from now on, or behind number ``after``, as they come, until ``stop``."""
    seen = ledger.newest() if after is None else after
    while not stop.is_set():
        newest = ledger.newest()
        if newest > seen:
            yield from ledger.stored(*kinds, after=seen)
            seen = newest
        else:
            stop.wait(LOOK_S)
