"""What a run used and what the last day used, kept in step with the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from meshclaw.errors import Damaged
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import ClockStepped
from meshclaw.flow.event.run import RunStarted
from meshclaw.guard.spent import DAY, KINDS, Spent, Windows
from meshclaw.ledger.ledger import Ledger


class _Meter:
    """What all runs on one ledger use, for every thread of this process: each event is read once."""

    def __init__(self, ledger: Ledger) -> None:
        self.windows = Windows()
        self.seq = ledger.before(DAY)

    def refresh(self, ledger: Ledger) -> None:
        for stored in ledger.stored(*KINDS, after=self.seq):
            self.windows.take(stored.event)
            self.seq = stored.seq


_METERS: dict[Path, _Meter] = {}
"""By ledger; whoever looks into one or changes it holds the writer's place of that ledger."""
MOST_METERS = 8


def _meter(ledger: Ledger) -> _Meter:
    """The one of all runs, or, for who only looks, one of their own."""
    if not ledger.is_writing:
        return _Meter(ledger)
    meter = _METERS.get(ledger.path)
    if meter is None or meter.seq > ledger.newest():
        if len(_METERS) >= MOST_METERS:
            del _METERS[next(iter(_METERS))]
        meter = _METERS[ledger.path] = _Meter(ledger)
    return meter


class Spending:
    """Of one run (by id) with its parents and sub-agents.

    Refreshed within ``ledger.writing()`` it stays true until the block ends: nobody else spends meanwhile.
    """

    def __init__(self, ledger: Ledger, run: str) -> None:
        self._ledger = ledger
        self._root = root_of(ledger, run)
        self._meter: _Meter | None = None
        self._spent: Spent | None = None

    def refresh(self, now: datetime) -> Spent:
        """Read on from where the last call stopped, whoever wrote what came since."""
        meter = _meter(self._ledger)
        meter.refresh(self._ledger)
        if self._spent is None or meter is not self._meter:
            self._meter = meter
            self._spent = Spent(self._root, self._ledger.device.mark, meter.windows)
            for event in _before(self._ledger, self._root, meter.seq):
                self._spent.fold(event)
        self._spent.advance(now)
        return self._spent

    def wrote(self, stamped: Iterable[Event]) -> None:
        """What was taken before it was written is not read again; only the clock is the ledger's to tell."""
        if self._meter is None:
            return
        self._meter.seq = self._ledger.newest()
        for event in stamped:
            if isinstance(event, ClockStepped):
                self._meter.windows.take(event)

    def forget(self) -> None:
        """What was taken was not written: whoever comes next reads it all again."""
        if _METERS.get(self._ledger.path) is self._meter:
            del _METERS[self._ledger.path]


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
    if first > end:
        return []
    tree = {root}
    for started in ledger.events(RunStarted, after=first):
        if started.parent in tree:
            tree.add(started.run)
    old = [stored for run in tree for stored in ledger.stored(*KINDS, run=run) if stored.seq <= end]
    return [stored.event for stored in sorted(old, key=lambda stored: stored.seq)]
