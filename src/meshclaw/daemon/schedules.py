"""Schedules as the clock sees them: what is due is taken once, what passed is told, and nobody asks a model about it.

A due time is taken in one transaction with the start of its run. So a kill leaves either nothing, and the due time is
looked at again, or a run that was started, and is resumed as any other that was cut off.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from meshclaw.daemon.desk import Desk, Done
from meshclaw.daemon.jobs import JOBS
from meshclaw.daemon.scheduled import disable, unfit
from meshclaw.errors import MeshClawError
from meshclaw.flow.event.run import RunResumed
from meshclaw.flow.event.schedule import JobEnded, ScheduleFired, ScheduleMissed
from meshclaw.flow.run import Run
from meshclaw.flow.schedule import Gap
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs.run import ENDINGS, start
from meshclaw.settings.times import Times
from meshclaw.triggers.due import in_words
from meshclaw.triggers.pending import Owed, Past, owed
from meshclaw.triggers.schedule import receive
from meshclaw.triggers.store import Scheduled, Store
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import intent_of

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Brings words before the person."""
AGAIN = timedelta(hours=24)
"""How long ago a job may have been cut off to be begun again."""


class History:
    """What the ledger says of each schedule; read on from where it stopped."""

    def __init__(self) -> None:
        self.of: defaultdict[str, Past] = defaultdict(Past)
        self.jobs: dict[tuple[str, str], str] = {}
        """Jobs that were begun and have not ended: when, by schedule and due time."""
        self._seq = 0

    def refresh(self, ledger: Ledger) -> None:
        for stored in ledger.stored(ScheduleFired, ScheduleMissed, JobEnded, after=self._seq):
            self._seq, event = stored.seq, stored.event
            if isinstance(event, JobEnded):
                self.jobs.pop((event.schedule, event.due), None)
                continue
            if not isinstance(event, (ScheduleFired, ScheduleMissed)):
                continue
            self.of[event.schedule].take(event)
            if isinstance(event, ScheduleFired) and not event.run:
                self.jobs[event.schedule, event.due] = event.ts


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken in one round and is still to be done."""

    schedule: Scheduled
    due: str
    run: Run | None = None
    """None for a job."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    times: Times
    now: datetime
    begun: list[Begun] = msgspec.field(default_factory=list[Begun])
    missed: list[tuple[Scheduled, Gap]] = msgspec.field(default_factory=list[tuple[Scheduled, Gap]])


class Schedules:
    def __init__(self, desk: Desk, tell: Tell) -> None:
        self._desk = desk
        self._tell = tell
        self._history = History()
        self._jobs = threading.Lock()
        """One job at a time."""

    def begin(self, claw: Claw, store: Store) -> None:
        """Jobs that a stop cut off are begun again; runs are the desk's to resume."""
        self._history.refresh(claw.ledger)
        known = {one.id: one for one in store.schedules.all()}
        since = timestamp(claw.ledger.now() - AGAIN)
        for (id_, due), ts in list(self._history.jobs.items()):
            if ts > since and id_ in known and known[id_].job in JOBS:
                self._do_job(Begun(schedule=known[id_], due=due))

    def round(self, claw: Claw, store: Store, times: Times, now: datetime) -> datetime | None:
        """Do what is due and tell what was missed; returns when to look again at the latest."""
        self._history.refresh(claw.ledger)
        this = Round(times=times, now=now)
        wake = [self._look(claw, store, one, this) for one in store.schedules.all() if one.enabled]
        if this.missed:
            self._tell(told(this))
        for begun in this.begun:
            self._do(begun)
        return min(filter(None, wake), default=None)

    def _look(self, claw: Claw, store: Store, one: Scheduled, this: Round) -> datetime | None:
        found = self._owed(one, this)
        if found.due is None and not found.gaps:
            return found.wake
        if wrong := unfit(claw, one):
            disable(claw, store, one, "changed")
            self._tell(
                f"The schedule {one.name} is off now: {wrong}. "
                f"Read it and enable it again: meshclaw schedule enable {one.name}"
            )
            return None
        self._take(claw, one, this)
        if one.timing.at:
            disable(claw, store, one, "over")
        return found.wake

    def _owed(self, one: Scheduled, this: Round) -> Owed:
        return owed(
            one.timing, self._history.of[one.id], datetime.fromisoformat(one.enabled), this.times, this.now,
            missed=one.missed, urgent=one.urgent,
        )  # fmt: skip

    def _take(self, claw: Claw, one: Scheduled, this: Round) -> None:
        with claw.ledger.writing():
            self._history.refresh(claw.ledger)  # in the writer's place, so nobody else takes it in between
            found = self._owed(one, this)
            gaps = list(found.gaps)
            begun: list[Begun] = []
            if found.due is not None and self._is_going(claw.ledger, one):
                gaps.append(Gap(first=found.due, last=found.due, count=1, why="running"))
            elif found.due is not None:
                begun.append(_begin(claw, one, found, this.now))
            claw.ledger.record(*(_missed(one, gap) for gap in gaps))
        this.begun.extend(begun)
        this.missed.extend((one, gap) for gap in gaps)

    def _is_going(self, ledger: Ledger, one: Scheduled) -> bool:
        if one.job:
            return any(id_ == one.id for id_, _ in self._history.jobs)
        run = self._history.of[one.id].run
        events = list(ledger.events(*ENDINGS, RunResumed, run=run)) if run else []
        return bool(run) and (not events or isinstance(events[-1], RunResumed))

    # -- doing it ------------------------------------------------------------------------

    def _do(self, one: Begun) -> None:
        if one.run is None:
            self._do_job(one)
            return
        self._desk.go_on(one.run, lambda done: self._tell(_answer(one.schedule, done)))

    def _do_job(self, one: Begun) -> None:
        threading.Thread(target=self._job, args=(one,), name=one.schedule.job, daemon=True).start()

    def _job(self, one: Begun) -> None:
        try:
            with self._jobs, open_claw() as claw:
                error = self._done(one, claw)
                claw.ledger.record(JobEnded(schedule=one.schedule.id, due=one.due, error=error))
        except MeshClawError as wrong:  # nothing can be opened or written down: it is begun again later
            log.error("%s: %s %s", one.schedule.name, wrong.message, wrong.fix)  # noqa: TRY400 - the words say it all

    def _done(self, one: Begun, claw: Claw) -> str:
        """Code of the error; empty where it went well."""
        try:
            claw.refuse_if_stopped()
            words = JOBS[one.schedule.job].do(claw)
        except MeshClawError as wrong:
            self._tell(f"{one.schedule.name} did not work: {wrong.message} {wrong.fix}".strip())
            return wrong.code
        if words:
            self._tell(f"{one.schedule.name}: {words}")
        return ""


def _begin(claw: Claw, one: Scheduled, found: Owed, now: datetime) -> Begun:
    due = found.due or now
    run = None
    if not one.job:
        agent = claw.agent(one.agent)
        request = receive(intent_of(agent, one.intent), one.words)
        run = start(
            claw.ledger,
            claw.contents,
            request=request,
            agent=agent,
            subject=one.subject,
            model=claw.model_for(agent),
        )
    fired = ScheduleFired(
        schedule=one.id, due=stamp(due), late_s=int((now - due).total_seconds()), caught_up=found.caught_up
    )
    claw.ledger.record(msgspec.structs.replace(fired, **run.named) if run else fired)
    return Begun(schedule=one, due=stamp(due), run=run)


def stamp(at: datetime) -> str:
    return timestamp(at.astimezone(UTC))


def _missed(one: Scheduled, gap: Gap) -> ScheduleMissed:
    return ScheduleMissed(
        schedule=one.id, first=stamp(gap.first), last=stamp(gap.last), count=gap.count, why=gap.why
    )


def told(this: Round) -> str:
    """One line for all that passed."""
    caught = {one.schedule.id for one in this.begun}
    parts = [
        f"{one.name} {_when(gap, this.times)}{_WHY[gap.why]}{', done once now' if one.id in caught else ''}"
        for one, gap in this.missed
    ]
    return f"Not done: {'; '.join(parts)}."


_WHY = {
    "away": " (nothing ran then)",
    "quiet": " (quiet hours; one stands for all)",
    "running": " (its last run was still going)",
}


def _when(gap: Gap, times: Times) -> str:
    last = in_words(gap.last, times.zone)
    return last if gap.count == 1 else f"{gap.count} times up to {last}"


def _answer(one: Scheduled, done: Done) -> str:
    if done.error is not None:
        return f"{one.name} did not work: {done.error.message} {done.error.fix}".strip()
    waits = f" Waits for your yes: meshclaw approvals why {done.waiting[0]}" if done.waiting else ""
    return f"{one.name}: {done.text}{waits}"
