"""Every schedule there is: the person's own, those that installed agents ask for, and built-in jobs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from meshclaw.daemon.jobs import JOBS
from meshclaw.errors import MeshClawError, NotFound
from meshclaw.flow.event.schedule import Off, ScheduleDisabled, ScheduleEnabled
from meshclaw.flow.schedule import Timing
from meshclaw.flow.units import digest_of
from meshclaw.ledger.ledger import timestamp
from meshclaw.triggers.store import Scheduled, Store
from meshclaw.wiring import Claw


def all_of(claw: Claw, store: Store) -> list[Scheduled]:
    """Those that are kept, and behind them those that are only offered."""
    kept = store.schedules.all()
    known = {one.id for one in kept}
    return [*kept, *(one for one in offered(claw) if one.id not in known)]


def find(claw: Claw, store: Store, name: str) -> Scheduled:
    """By its name, or the beginning of its id."""
    if (one := next((one for one in offered(claw) if one.name == name), None)) is not None:
        return next((kept for kept in store.schedules.all() if kept.id == one.id), one)
    try:
        return store.schedules.get(name)
    except NotFound as error:
        there = ", ".join(one.name for one in all_of(claw, store)) or "none"
        raise NotFound(
            f"there is no schedule {name!r}; there are: {there}", fix="See: meshclaw schedule list"
        ) from error


def offered(claw: Claw) -> Iterator[Scheduled]:
    """What nobody has to write: ``JOB`` for a job, ``AGENT.1`` for what an agent's front matter asks for first."""
    for name, job in JOBS.items():
        yield Scheduled(
            id=_id("job", name), name=name, timing=job.timing, words=job.words, agent="", job=name,
            urgent=job.urgent,
        )  # fmt: skip
    for known in claw.installed.current():
        try:
            definition = claw.installed.get(known.name).definition
        except MeshClawError:  # changed on disk: it does nothing, and `agent list` says so
            continue
        for number, asked in enumerate(definition.schedule, 1):
            timing = Timing(cron=asked.cron, every=asked.every, at=asked.at)
            yield Scheduled(
                id=_id("agent", known.name, timing, asked.words, asked.intent), name=f"{known.name}.{number}",
                timing=timing, words=asked.words, agent=known.name, intent=asked.intent, missed=asked.missed,
                by_agent=True,
            )  # fmt: skip


def digest_now(claw: Claw, one: Scheduled) -> str:
    """What a person would say yes to now. Raises where its agent is not here, or was changed on disk."""
    return one.digest_with("" if one.job else claw.agent(one.agent).digest)


def unfit(claw: Claw, one: Scheduled) -> str:
    """Why it must not run as it is; empty where nothing speaks against it."""
    if one.job:
        return "" if one.job in JOBS else f"there is no {one.job!r} any more"
    try:
        same = digest_now(claw, one) == one.digest
    except MeshClawError as error:
        return error.message
    return "" if same else f"the agent {one.agent!r} is not the one that you read when you enabled it"


def enable(claw: Claw, store: Store, one: Scheduled) -> Scheduled:
    digest = digest_now(claw, one)
    kept = msgspec.structs.replace(one, enabled=timestamp(claw.ledger.now()), digest=digest)
    store.schedules.put(kept)
    claw.ledger.record(ScheduleEnabled(schedule=one.id, digest=digest))
    return kept


def disable(claw: Claw, store: Store, one: Scheduled, why: Off) -> None:
    store.schedules.put(msgspec.structs.replace(one, enabled="", digest=""))
    claw.ledger.record(ScheduleDisabled(schedule=one.id, why=why))


def _id(*parts: object) -> str:
    """The same for the same: an update of an agent that leaves its schedule as it is changes nothing."""
    return digest_of(parts)[:16]
