"""What a run used and what the last day used, kept in step with the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from meshclaw.errors import Damaged
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import ClockStepped
from meshclaw.flow.event.run import RunStarted
from meshclaw.guard.spent import DAY, KINDS, Spent
from meshclaw.ledger.ledger import Ledger


class Spending:
    """Of one run (by id) with its parents and sub-agents.

    Refreshed within ``ledger.writing()`` it stays true until the block ends: nobody else spends meanwhile.
    """

    def __init__(self, ledger: Ledger, run: str) -> None:
        self._ledger = ledger
        self._seq = ledger.before(DAY)
        root = root_of(ledger, run)
        self.spent = Spent(root, ledger.device.mark)
        for event in _before(ledger, root, self._seq):
            self.spent.take_old(event)

    def refresh(self, now: datetime) -> Spent:
        """Read on from where the last call stopped, whoever wrote what came since."""
        for stored in self._ledger.stored(*KINDS, after=self._seq):
            self.spent.take(stored.event)
            self._seq = stored.seq
        self.spent.advance(now)
        return self.spent

    def wrote(self, stamped: Iterable[Event]) -> None:
        """What was taken before it was written is not read again; only the clock is the ledger's to tell."""
        self._seq = self._ledger.newest()
        for event in stamped:
            if isinstance(event, ClockStepped):
                self.spent.take(event)


def root_of(ledger: Ledger, run: str) -> str:
    """The first of the runs that led to this one, as the ledger has it."""
    parents = {run}
    while parent := next((started.parent for started in ledger.events(RunStarted, run=run)), ""):
        if parent in parents:
            raise Damaged(
                f"the run {run!r} is its own parent", fix="See which events hold: meshclaw ledger verify"
            )
        parents.add(parent)
        run = parent
    return run


def _before(ledger: Ledger, root: str, end: int) -> Iterable[Event]:
    """The events of the tree under ``root`` up to number ``end``, in order."""
    first = next((stored.seq for stored in ledger.stored(RunStarted, run=root)), end)
    if first >= end:
        return []
    tree = {root}
    for started in ledger.events(RunStarted, after=first):
        if started.parent in tree:
            tree.add(started.run)
    old = [stored for run in tree for stored in ledger.stored(*KINDS, run=run) if stored.seq <= end]
    return [stored.event for stored in sorted(old, key=lambda stored: stored.seq)]
