"""The clock: one thread that waits for the next due time, and notices when the machine slept or its clock was set."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from meshclaw.daemon.desk import Desk
from meshclaw.daemon.schedules import Schedules, Tell
from meshclaw.daemon.standings import Standings
from meshclaw.daemon.watches import Watches
from meshclaw.errors import Operational, UserError
from meshclaw.flow.units import utc_now
from meshclaw.guard.layers import stop as kill
from meshclaw.settings import times as times_
from meshclaw.settings.times import Times
from meshclaw.triggers.quiet import over
from meshclaw.triggers.store import Store
from meshclaw.wiring import open_claw

LOOK_S = 1.0
"""Between two looks at the wall clock and at what the person changed: about 20 microseconds each. So a sleep of the
machine, a clock that was set and a new schedule are noticed within a second, and no timer can be wrong about them."""
STEPPED_BACK = timedelta(seconds=2)


class Clock:
    """``now`` is the wall clock; tests have one of their own."""

    def __init__(
        self, desk: Desk, standings: Standings, tell: Tell, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.name = "clock"
        self.at_work = threading.Lock()
        self._now = now
        self._schedules = Schedules(desk, tell)
        self._watches = Watches(desk, tell)
        self._standings = standings

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        with open_claw() as claw:
            folder = claw.folder
        with closing(Store(folder)) as store:
            with open_claw() as claw:
                self._schedules.begin(claw, store)
            ready()
            try:
                self._keep_time(store, folder, stop)
            finally:
                self._watches.close()

    def _keep_time(self, store: Store, folder: Path, stop: threading.Event) -> None:
        seen, wake, last, times = None, None, self._now(), None
        while not stop.wait(LOOK_S if seen else 0):
            now, there = self._now(), (store.version, times_.stamp(folder))
            if kill.read(folder) is not None:
                continue
            if there != seen or times is None:
                times = self._settings(folder)
                self._watches.reload(store)
            if there != seen or now < last - STEPPED_BACK or (wake is not None and now >= wake):
                seen, wake = there, self._round(store, times, stop, now)
            with self.at_work:
                self._watches.step(store, times, now)
            last = now

    @staticmethod
    def _settings(folder: Path) -> Times:
        try:
            return times_.load(folder)
        except UserError as error:  # the person mends it while we run
            raise Operational(f"{error.message}.", fix=error.fix) from error

    def _round(self, store: Store, times: Times, stop: threading.Event, now: datetime) -> datetime | None:
        with self.at_work, open_claw() as claw:
            if stop.is_set():
                return None
            wake = self._schedules.round(claw, store, times, now)
            if self._standings.release(claw, now):  # they wait for the end of quiet hours
                ends = over(now, times)
                wake = min(wake, ends) if wake else ends
            return wake
