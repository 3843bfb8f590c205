"""What every page of Home shares: where the claw's state lies, who does its work, and what runs say while they run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from meshclaw.daemon.desk import Desk, Done, Job
from meshclaw.errors import MeshClawError, Operational
from meshclaw.home.keys import Keys, Session

KEPT = 100
"""Answers that can still be listened to."""
START_S = 10.0
"""How long somebody waits for a run to begin."""


class Answer:
    """What one run says, piece by piece; read from other threads than the one that writes it."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.done: Done | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is said once, on the next page, of something that was done."""

    words: str
    failed: bool = False


class House:
    def __init__(self, folder: Path, desk: Desk, keys: Keys) -> None:
        self.folder = folder
        self.keys = keys
        self.stop = threading.Event()
        self.at_work = threading.Lock()
        """Held while something is changed."""
        self._changes, self._counting = 0, threading.Lock()
        self._desk = desk
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._said: dict[str, Told] = {}

    def answered(self, run: str) -> None:
        """The person answered what ``run`` asked, so it may go on."""
        self._desk.answered(run)

    @contextmanager
    def changing(self) -> Generator[None]:
        """Several at once: a stop must not wait for a mail server that another change waits for."""
        with self._counting:
            if not self._changes:
                self.at_work.acquire()
            self._changes += 1
        try:
            yield
        finally:
            with self._counting:
                self._changes -= 1
                if not self._changes:
                    self.at_work.release()

    def ask(self, job: Job) -> str:
        """The id of the run that does it. Raises what kept it from beginning."""
        answer, begun, ids = Answer(), threading.Event(), list[str]()

        def started(run: str) -> None:
            ids.append(run)
            self._answers[run] = answer
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
            begun.set()

        def told(done: Done) -> None:
            answer.done = done
            begun.set()

        self._desk.take(job, told=told, started=started, heard=answer.pieces.append)
        if not begun.wait(START_S):
            raise Operational("many runs wait for their turn; this one, too", fix="Look at the runs later.")
        if not ids:
            error = answer.done.error if answer.done else None
            raise error or MeshClawError("the run did not begin")
        return ids[0]

    def answer(self, run: str) -> Answer | None:
        """Of a run that was asked for here, and not long ago."""
        return self._answers.get(run)

    def say(self, session: Session, told: Told) -> None:
        self._said[session.id] = told

    def said(self, session: Session) -> Told | None:
        return self._said.pop(session.id, None)
