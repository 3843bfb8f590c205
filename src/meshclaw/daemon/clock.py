"""The clock: one thread that waits for the next due time, and notices when the machine slept or its clock was set."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta

from meshclaw.daemon.desk import Desk
from meshclaw.daemon.schedules import Schedules, Tell
from meshclaw.errors import Operational, UserError
from meshclaw.flow.units import utc_now
from meshclaw.guard.layers import stop as kill
from meshclaw.settings import times as times_
from meshclaw.triggers.store import Store
from meshclaw.wiring import open_claw

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""Between two looks at the wall clock and at what the person changed: about 20 microseconds each. So a sleep of the
machine, a clock that was set and a new schedule are noticed within a second, and no timer can be wrong about them."""
STEPPED_BACK = timedelta(seconds=2)


class Clock:
    """``now`` is the wall clock; tests have one of their own."""

    def __init__(
        self, desk: Desk, tell: Tell = log.warning, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.name = "clock"
        self.at_work = threading.Lock()
        self._now = now
        self._schedules = Schedules(desk, tell)

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        with open_claw() as claw:
            folder = claw.folder
        with closing(Store(folder)) as store:
            with open_claw() as claw:
                self._schedules.begin(claw, store)
            ready()
            seen, wake, last = None, None, self._now()
            while not stop.wait(LOOK_S if seen else 0):
                now, there = self._now(), (store.version, times_.stamp(folder))
                is_due = there != seen or now < last - STEPPED_BACK or (wake is not None and now >= wake)
                last = now
                if is_due and kill.read(folder) is None:
                    seen, wake = there, self._round(store, stop, now)

    def _round(self, store: Store, stop: threading.Event, now: datetime) -> datetime | None:
        with self.at_work, open_claw() as claw:
            if stop.is_set():
                return None
            try:
                return self._schedules.round(claw, store, times_.load(claw.folder), now)
            except UserError as error:  # a file that the person mends while we run
                raise Operational(f"{error.message}.", fix=error.fix) from error
