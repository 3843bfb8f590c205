"""The models of a class behind one: the first that answers, the rest standing by.

It moves on only while nothing of an answer was used, so no action is ever asked for twice: what a run acts on is the
one reply it got, recorded before anything is done. A model that keeps failing is left alone for a while, as a circuit
breaker does, and then tried by one caller only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import copy
from threading import Lock

import msgspec

from meshclaw.errors import (
    Cut,
    Garbled,
    MeshClawError,
    NotReachable,
    Refused,
    SignInNeeded,
    Throttled,
    TooLong,
)
from meshclaw.flow.conversation import Prompt, Reply, Tried
from meshclaw.llm.model import Model

PATIENCE_S = 20.0
"""That one question may be held up in all while every model is busy."""
FIRST_PAUSE_S = 1.0
"""After a failure; twice as long after the next one."""
OPENS_AFTER = 3
"""Failures in a row after which a model is left alone."""
OPEN_S = 30.0
LONGEST_S = 300.0
"""No pause is longer, whatever a server asks for."""


class _State(msgspec.Struct):
    failures: int = 0
    until: float = 0.0


class Health:
    """Which models failed lately; one for all runs of a claw, from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._states: dict[str, _State] = {}

    def wait(self, name: str) -> float:
        """Seconds until it may be asked; 0: now, and where it was left alone, by this caller alone."""
        with self._lock:
            state, now = self._states.setdefault(name, _State()), self._clock()
            if state.until > now:
                return state.until - now
            if state.failures >= OPENS_AFTER:
                state.until = now + _pause(state.failures)
            return 0.0

    def left(self, name: str) -> float:
        """The same without asking to be the one."""
        with self._lock:
            return max(0.0, self._states.setdefault(name, _State()).until - self._clock())

    def failed(self, name: str, retry_after: float | None = None) -> None:
        with self._lock:
            state = self._states.setdefault(name, _State())
            state.failures += 1
            state.until = self._clock() + min(LONGEST_S, max(_pause(state.failures), retry_after or 0.0))

    def answered(self, name: str) -> None:
        with self._lock:
            self._states[name] = _State()


def _pause(failures: int) -> float:
    if failures < OPENS_AFTER:
        return FIRST_PAUSE_S * 2 ** (failures - 1)
    return min(LONGEST_S, OPEN_S * 2 ** min(failures - OPENS_AFTER, 10))


def _told_to_nobody(_: Tried) -> None: ...


class Failover:
    """A Model itself. ``tell`` hears of each model that was asked or passed over, as it happens."""

    def __init__(
        self,
        name: str,
        models: Sequence[Model],
        health: Health,
        *,
        tell: Callable[[Tried], None] = _told_to_nobody,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._models = tuple(models)
        self._health = health
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self._signed_out: set[str] = set()
        """Not asked again by this run: a key does not mend itself."""

    def ask(self, prompt: Prompt, *, limit: int, heard: Callable[[str], None] | None = None) -> Reply:
        question = _Question(prompt, limit, heard)
        deadline = self._clock() + PATIENCE_S
        waiting = [model for model in self._models if model.name not in self._signed_out] or list(
            self._models
        )
        while True:
            for model in tuple(waiting):
                reply = self._one(model, question)
                if reply is not None:
                    return reply
                if isinstance(question.failed.get(model.name), Refused | SignInNeeded):
                    waiting.remove(model)
            wait = min((self._health.left(model.name) for model in waiting), default=LONGEST_S)
            if not waiting or self._clock() + wait > deadline:
                raise self._none_answered(question, wait)
            self._sleep(wait)

    def close(self) -> None:
        for model in self._models:
            model.close()

    def _one(self, model: Model, question: _Question) -> Reply | None:
        """None where another one may be asked instead."""
        if self._health.wait(model.name):
            self._tell(Tried(model=model.name, skipped=True))
            return None
        start = self._clock()
        try:
            reply = question.to(model)
        except (SignInNeeded, Refused, Throttled, NotReachable, Garbled) as error:
            question.failed[model.name] = error
            self._tell(self._tried(model, start, error))
            self._note(model, error)
            if question.is_spoken or isinstance(error, TooLong):
                raise
            return None
        self._health.answered(model.name)
        self._tell(self._tried(model, start))
        return reply

    def _tried(self, model: Model, start: float, error: MeshClawError | None = None) -> Tried:
        return Tried(
            model=model.name, failed=error.code if error else "", ms=round((self._clock() - start) * 1000),
            may_cost=isinstance(error, Cut | Garbled),
        )  # fmt: skip

    def _note(self, model: Model, error: MeshClawError) -> None:
        if isinstance(error, SignInNeeded):
            self._signed_out.add(model.name)
        elif isinstance(error, Refused):
            self._health.answered(model.name)  # it is there, and said no to this question
        else:
            self._health.failed(model.name, error.retry_after if isinstance(error, Throttled) else None)

    def _none_answered(self, question: _Question, wait: float) -> MeshClawError:
        """The first model's own error, with what became of the others; it is the one that was wanted."""
        errors = list(question.failed.values())
        if not errors:
            return Throttled(
                f"every model of {self.name} failed too often just now; they are left alone for {wait:.0f} s",
                retry_after=wait,
            )
        first = copy(errors[0])
        first.message = "; ".join(error.message for error in errors)
        first.args = (first.message,)
        return first


class _Question:
    def __init__(self, prompt: Prompt, limit: int, heard: Callable[[str], None] | None) -> None:
        self._prompt, self._limit, self._heard = prompt, limit, heard
        self.failed: dict[str, MeshClawError] = {}
        """By model, each one's latest error."""
        self.is_spoken = False
        """Somebody has seen the beginning of an answer: another model's would be a second one."""

    def to(self, model: Model) -> Reply:
        return model.ask(self._prompt, limit=self._limit, heard=self._hear if self._heard else None)

    def _hear(self, text: str) -> None:
        self.is_spoken = True
        if self._heard:
            self._heard(text)
