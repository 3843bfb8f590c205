"""Where requests that nobody waits for at a terminal are done: each a run, some side by side, none lost by a crash."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from meshclaw.agents.builtin import MAIL_TRIAGE
from meshclaw.errors import MeshClawError
from meshclaw.flow.event.run import RunFailed
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run
from meshclaw.runs.run import AT_WORK, ENDINGS, start, tell, tell_stopped
from meshclaw.runs.talk import answer_of
from meshclaw.wiring import open_claw
from meshclaw.wiring.working import converse, go_on, model_of, resume_run

if TYPE_CHECKING:  # what asks models is loaded when one is asked
    from meshclaw.runs.asking import Heard

log = logging.getLogger(__name__)

MOST = 50
"""Runs side by side; more wait for their turn."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    request: Request
    agent: str = "claw"
    """Name of the agent that does it."""
    subject: str = ""
    """What the run is about: a mailbox, a thread."""
    model: str = ""
    """A class of models or one of them; else what the agent wants, or the usual one."""
    after: str = ""
    """The run whose conversation it goes on with."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    text: str = ""
    """What the person is shown."""
    end: str = ""
    """How the run ended, as ``answered``; empty where it failed."""
    waiting: tuple[str, ...] = ()
    """Ids of approvals that are open."""
    error: MeshClawError | None = None


Told = Callable[[Done], None]


class Desk:
    """Its threads go with the process: what a stop cuts off is resumed at the next start."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0

    def take(
        self,
        job: Job,
        *,
        told: Told,
        started: Callable[[str], None] | None = None,
        heard: Heard | None = None,
    ) -> None:
        """Returns at once. ``started`` gets the run's id, ``heard`` the answer's text while it comes, ``told`` the end.

        All three are called from the run's own thread.
        """
        self._put(lambda: self._do(job, told, started, heard))

    def go_on(self, run: Run, told: Told) -> None:
        """With a run that is on record as started, and that nobody works on yet."""
        AT_WORK.add(run.id)
        self._put(lambda: self._go_on(run, told))

    def answered(self, run: str) -> None:
        """A person answered what ``run`` asked: it is told so and goes on, where nothing else of it waits."""
        self._put(lambda: _tell_it(run))

    def resume(self, told: Told) -> None:
        """Go on with every run that a stop or a crash cut off; triage sees to its own."""
        with open_claw() as claw:
            stopped = [
                one.run.id for one in tell_stopped(claw.ledger, claw.contents)
                if one.run.agent != MAIL_TRIAGE.label
            ]  # fmt: skip
        for run in stopped:
            self._put(lambda run=run: self._resume(run, told))

    def _put(self, work: Callable[[], None]) -> None:
        self._waiting.put(work)
        with self._lock:
            if self._threads == MOST:
                return
            self._threads += 1
        threading.Thread(target=self._work, name="run", daemon=True).start()

    def _work(self) -> None:
        """In turn, until nothing waits."""
        while True:
            with self._lock:  # a thread that ends is not counted on by whoever puts something there
                try:
                    work = self._waiting.get_nowait()
                except Empty:
                    self._threads -= 1
                    return
            work()

    def _do(self, job: Job, told: Told, started: Callable[[str], None] | None, heard: Heard | None) -> None:
        run_id = ""
        try:
            with open_claw() as claw:
                claw.refuse_if_stopped()
                agent = claw.agent(job.agent)
                model = job.model or agent.model or claw.models.usual
                claw.models.of(model)  # what cannot be asked is told before anything is begun
                run = start(
                    claw.ledger, claw.contents, request=job.request, agent=agent, subject=job.subject, model=model,
                    after=job.after,
                )  # fmt: skip
                run_id = run.id
                if started is not None:
                    started(run.id)
                answer = converse(claw, run, model, heard)
            told(Done(run=run_id, text=answer.text, end=answer.end, waiting=answer.waiting))
        except MeshClawError as error:
            log.warning("A run failed: %s %s", error.message, error.fix)
            told(Done(run=run_id, error=error))

    def _go_on(self, run: Run, told: Told) -> None:
        try:
            with open_claw() as claw:
                claw.refuse_if_stopped()
                answer = converse(claw, run, model_of(claw, run))
            told(Done(run=run.id, text=answer.text, end=answer.end, waiting=answer.waiting))
        except MeshClawError as error:
            log.warning("A run failed: %s %s", error.message, error.fix)
            AT_WORK.discard(run.id)
            _close(run, error)
            told(Done(run=run.id, error=error))

    def _resume(self, run: str, told: Told) -> None:
        try:
            with open_claw() as claw:
                resume_run(claw, tell(claw.ledger, claw.contents, run))
                text = answer_of(claw.ledger, claw.contents, run)
            told(Done(run=run, text=text, end="answered"))
        except MeshClawError as error:
            log.warning("A run that was cut off could not be resumed: %s %s", error.message, error.fix)
            told(Done(run=run, error=error))


def _tell_it(run: str) -> None:
    try:
        with open_claw() as claw:
            go_on(claw, run)
    except MeshClawError as error:
        log.warning("A run could not go on after its answer: %s %s", error.message, error.fix)


def _close(run: Run, error: MeshClawError) -> None:
    """Where it failed before it came to anything, it failed all the same."""
    with open_claw() as claw, claw.ledger.writing():
        if not any(claw.ledger.events(*ENDINGS, run=run.id)):
            claw.ledger.record(RunFailed(**run.named, error=error.code))
