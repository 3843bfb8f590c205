"""Watches as the clock sees them: looks are made side by side in threads of their own, what they see is judged here."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

import msgspec

from meshclaw.daemon.desk import Desk, Done
from meshclaw.daemon.looks import look
from meshclaw.daemon.schedules import Tell
from meshclaw.errors import MeshClawError
from meshclaw.flow.event.schedule import WatchFailed, WatchFired
from meshclaw.flow.run import Run
from meshclaw.flow.watch import Seen
from meshclaw.runs.run import start
from meshclaw.settings.times import Times
from meshclaw.triggers.quiet import is_quiet
from meshclaw.triggers.schedule import receive
from meshclaw.triggers.store import Store
from meshclaw.triggers.watching import State, Watched, could_not_look, holds, saw
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import intent_of

SIDE_BY_SIDE = 4
KIND = "watch"

Looked = tuple[Seen, bool] | MeshClawError
"""What was seen and whether that is what it waits for, or why it could not look."""


def looked(watch: Watched) -> Looked:
    try:
        seen = look(watch.look)
        return seen, holds(watch.when, seen)
    except MeshClawError as error:
        return error


class Watches:
    def __init__(self, desk: Desk, tell: Tell) -> None:
        self._desk = desk
        self._tell = tell
        self._pool: ThreadPoolExecutor | None = None
        self._watches: list[Watched] = []
        self._next: dict[str, float] = {}
        """When to look, by id; monotonic seconds."""
        self._looking: dict[str, Future[Looked]] = {}

    def reload(self, store: Store) -> None:
        self._watches = store.shelf(KIND, Watched).all()
        known = {one.id for one in self._watches}
        self._next = {id_: at for id_, at in self._next.items() if id_ in known}

    def step(self, store: Store, times: Times, now: datetime) -> None:
        """Judge what was seen, and begin to look where it is time; returns at once."""
        ticks = time.monotonic()
        for one in self._watches:
            future = self._looking.get(one.id)
            if future is not None and future.done():
                del self._looking[one.id]
                self._judge(store, one, future.result(), times, now)
            elif future is None and ticks >= self._next.get(one.id, 0):
                self._next[one.id] = ticks + one.every_s
                self._looking[one.id] = self._threads.submit(looked, one)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def _threads(self) -> ThreadPoolExecutor:
        self._pool = self._pool or ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="watch")
        return self._pool

    def _judge(self, store: Store, one: Watched, found: Looked, times: Times, now: datetime) -> None:
        before = store.state(one.id, State) or State()
        if isinstance(found, MeshClawError):
            after, news = could_not_look(one, before)
            if news == "lost":
                self._lost(one, found)
        else:
            seen, held = found
            quiet = not one.urgent and is_quiet(now, times)
            after, news = saw(one, before, seen, now, held=held, quiet=quiet)
            if news == "fired":
                self._fire(one, before, after, seen)
            elif news == "back":
                self._tell(f"The watch {one.name} can look again: {seen.words}.")
        if after != before:
            store.keep_state(one.id, after)

    def _lost(self, one: Watched, error: MeshClawError) -> None:
        with open_claw() as claw:
            claw.ledger.record(WatchFailed(watch=one.id, looks=one.patience, error=error.code))
        self._tell(
            f"The watch {one.name} could not look {one.patience} times in a row: {error.message} {error.fix}".strip()
        )

    def _fire(self, one: Watched, before: State, after: State, seen: Seen) -> None:
        """On record with the start of its run, before its state is kept: a kill in between doubles nothing."""
        words = f"{seen.words}, was {before.words}" if before.words != seen.words else seen.words
        run = None
        with open_claw() as claw, claw.ledger.writing():
            fired = [event for event in claw.ledger.events(WatchFired) if event.watch == one.id]
            if any(event.number == after.fires for event in fired):
                return
            wrong = unfit(claw, one) if one.words else ""
            run = _begin(claw, one, seen) if one.words and not wrong else None
            [digest] = claw.contents.put([words])
            event = WatchFired(watch=one.id, when=one.when.kind, number=after.fires, seen=digest)
            claw.ledger.record(msgspec.structs.replace(event, **run.named) if run else event)
        self._tell(f"{one.name} {one.when.news}: {words}.{f' Nobody was asked: {wrong}.' if wrong else ''}")
        if run is not None:
            self._desk.go_on(run, lambda done: self._tell(_answer(one, done)))


def unfit(claw: Claw, one: Watched) -> str:
    """Why its agent must not be asked; empty where nothing speaks against it."""
    try:
        same = claw.agent(one.agent).digest == one.digest
    except MeshClawError as error:
        return error.message
    return "" if same else f"the agent {one.agent!r} is not the one that you knew; add the watch again"


def _begin(claw: Claw, one: Watched, seen: Seen) -> Run:
    agent = claw.agent(one.agent)
    request = receive(intent_of(agent, one.intent), f"{one.words}\n\n{cause(one, seen)}")
    return start(
        claw.ledger,
        claw.contents,
        request=request,
        agent=agent,
        subject=one.subject,
        model=claw.model_for(agent),
    )


def cause(one: Watched, seen: Seen) -> str:
    """Words of ours alone, which ask for nothing: what others wrote is for the run to read, through the guard."""
    return f"(What set this off: the watch {one.name}, {seen.words}.)"


def _answer(one: Watched, done: Done) -> str:
    if done.error is not None:
        return f"{one.name} did not work: {done.error.message} {done.error.fix}".strip()
    return f"{one.name}: {done.text}"
