"""The nightly dream: what a day's words and corrections come to, as one revision of the memory, or none.

It may be killed at any moment. What it looks at is fixed when it begins, each answer of a model is in the ledger
before it is used, and all that it changes is stored in one transaction together with how far it came: begun anew, it
asks no model twice and changes nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from meshclaw.agents.builtin import DREAMER
from meshclaw.agents.memory.store import Memory, Night
from meshclaw.errors import MeshClawError, Stopped
from meshclaw.flow.conversation import Reply
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalAnswered
from meshclaw.flow.event.mail import OutcomeObserved
from meshclaw.flow.event.memory import DreamBegan, DreamEnded
from meshclaw.flow.event.model import ModelAnswered
from meshclaw.flow.event.run import RunCancelled, RunFinished, RunResumed, RunStarted
from meshclaw.flow.memory import Revision
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run
from meshclaw.guard.layers import stop
from meshclaw.llm.source import Source
from meshclaw.runs.asking import Asking
from meshclaw.runs.deciding import Deciding, Parts
from meshclaw.runs.dreaming.corrections import corrections
from meshclaw.runs.dreaming.judging import Desk, Told, conflicts_of, told
from meshclaw.runs.dreaming.proposing import batches, prompt, proposals
from meshclaw.runs.dreaming.turns import Turn, to_remember, turns
from meshclaw.runs.revising import tell
from meshclaw.runs.run import start, working
from meshclaw.triggers import schedule

SUBJECT = "memory"
MOST_ANSWERS = 4
"""Of a model in one night; what is left is read the next night."""
SECONDS = 180
"""After which no further answer is asked for."""
OLDEST_EVENTS = 200_000
"""How far back words are read that no model has read yet."""

OFF, NOT_SET_UP, NOTHING_SAID = "off", "not_set_up", "nothing_said"
"""Why no model was asked: the person wanted none, none is set up, nobody said anything."""


class Span(NamedTuple):
    """What one dream looks at, by numbers of events."""

    run: Run
    heard: int
    """Words behind this one are read."""
    since: int
    """What is behind this one is new."""
    until: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a dream would do, as far as that is known without asking a model."""

    turns: int
    """Requests in the person's own words that no model has read."""
    operations: list[Told]
    most_micros: int
    """The most that the answers of the model can cost, in micro-dollars; 0 without one."""


class Dreamer:
    """``source`` is None where no model is to be asked; ``without`` says why."""

    def __init__(
        self, parts: Parts, memory: Memory, source: Source | None = None, *, without: str = OFF,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._parts = parts
        self._ledger, self._contents = parts.ledger, parts.contents
        self._memory = memory
        self._source = source
        self._without = "" if source else without
        self._clock = clock

    def go(self, now: datetime, request: Request | None = None) -> Night | None:
        """Dream of what came since the last one; None where nothing happened. Goes on with one that was cut short.

        Raises Stopped where the kill switch is there, Busy where another process dreams, and what the machine is in the
        way of.
        """
        with self._memory.dreaming():
            return self._go(now, request)

    def _go(self, now: datetime, request: Request | None) -> Night | None:
        tell(self._memory, self._ledger)
        if (stopped := self._parts.stopped()) is not None:
            raise Stopped(f"nothing is dreamt now ({stop.told(stopped)}): {stop.refusal(stopped).reason}")
        span = self._unfinished() or self._begin(now, request)
        if span is None:
            return None
        with working(self._ledger, span.run):
            night = self._slept(span.run.id) or self._dream(span, now)
            tell(self._memory, self._ledger)
            if not any(self._ledger.events(DreamEnded, run=span.run.id)):
                self._ledger.record(_ended(span.run, night))
        return night

    def plan(self, now: datetime) -> Plan:
        """Changes nothing and asks no model."""
        until = self._ledger.newest()
        said = self._said(self._heard(), until)
        desk = self._counted(Desk(self._memory, _ms(now)), said, self._since(), now)
        most = 0
        if self._source is not None:
            for batch in list(batches(said))[:MOST_ANSWERS]:
                most += self._source.most(prompt(self._memory, batch, _ms(now)), _ms(now))
        return Plan(turns=len(said), operations=[told(one) for one in desk.operations], most_micros=most)

    # -- where it stands -----------------------------------------------------------------

    def _heard(self) -> int:
        """Number of the last event whose words a model has read."""
        last = self._memory.nights(1)
        return max(last[0].heard if last else 0, self._ledger.newest() - OLDEST_EVENTS)

    def _since(self) -> int:
        """Number of the last event that a dream looked at."""
        last = self._memory.nights(1)
        return last[0].until if last else 0

    def _unfinished(self) -> Span | None:
        """The dream that began and did not finish, as it began; one that the person cancelled is left."""
        last = next(reversed(list(self._ledger.events(DreamBegan))), None)
        if last is None or any(self._ledger.events(RunFinished, RunCancelled, run=last.run)):
            return None
        [started] = self._ledger.events(RunStarted, run=last.run)
        request = Request(intent=started.intent, trigger=started.trigger, trust=started.trust)
        run = Run(id=last.run, request=request, agent=started.agent, subject=SUBJECT)
        self._ledger.record(RunResumed(**run.named, settled=0))
        return Span(run, last.after, last.since, last.until)

    def _begin(self, now: datetime, request: Request | None) -> Span | None:
        after, until, heard = self._since(), self._ledger.newest(), self._heard()
        if not self._happened(after, until, heard, now):
            return None
        asked = request or schedule.receive("memory.dream")
        with self._ledger.writing():  # a dream that began says where from: never one without the other
            run = start(self._ledger, self._contents, request=asked, agent=DREAMER, subject=SUBJECT)
            self._ledger.record(DreamBegan(**run.named, after=heard, since=after, until=until))
        return Span(run, heard, after, until)

    def _happened(self, after: int, until: int, heard: int, now: datetime) -> bool:
        """Anything that could change the memory."""
        if self._memory.expired(_ms(now)) or (self._source is not None and self._said(heard, until)):
            return True
        kinds = (OutcomeObserved, ApprovalAnswered, ActionDecided)
        new = (stored.event for stored in self._ledger.stored(*kinds, after=after))
        if any(not isinstance(event, ActionDecided) or event.undoes for event in new):
            return True
        return any(list(to_remember(turn)) for turn in self._said(after, until))

    def _slept(self, run: str) -> Night | None:
        """What it came to, where it was killed after that was stored."""
        return next((night for night in self._memory.nights(3) if night.run == run), None)

    def _said(self, after: int, until: int) -> list[Turn]:
        return list(turns(self._ledger, self._contents, after=after, until=until))

    # -- dreaming ------------------------------------------------------------------------

    def _dream(self, span: Span, now: datetime) -> Night:
        said = self._said(span.heard, span.until)
        answered, without = self._ask(span.run, said, now)
        with self._memory.writing():
            desk = self._counted(Desk(self._memory, _ms(now)), said, span.since, now)
            for batch, reply in answered:
                found, odd = proposals(reply)
                desk.refused["malformed"] += odd
                for one in found:
                    desk.propose(one, batch)
            return self._store(span, desk, said=said, answered=answered, without=without, at=_ms(now))

    def _counted(self, desk: Desk, said: Sequence[Turn], since: int, now: datetime) -> Desk:
        """What needs no model."""
        desk.expire()
        for turn in said:
            for sentence in to_remember(turn) if turn.seq > since else ():
                desk.state(sentence, turn)
        for fact in corrections(self._ledger, self._contents, now):
            desk.learn(fact)
        return desk

    def _ask(
        self, run: Run, said: Sequence[Turn], now: datetime
    ) -> tuple[list[tuple[list[Turn], Reply]], str]:
        """Each batch with its answer, and why there are no more. What was answered before is not asked again."""
        recorded = {event.step: event for event in self._ledger.events(ModelAnswered, run=run.id)}
        answered: list[tuple[list[Turn], Reply]] = []
        asking = Asking(Deciding(self._parts), run, DREAMER, self._source) if self._source else None
        until = self._clock() + SECONDS
        for step, batch in enumerate(batches(said), start=1):
            if (event := recorded.get(step)) is not None:
                answered.append((batch, msgspec.json.decode(self._contents.get(event.said), type=Reply)))
                continue
            if asking is None:
                return answered, self._without
            if step > MOST_ANSWERS or self._clock() > until:
                return answered, "cap"
            try:
                answered.append((batch, asking.ask(step, prompt(self._memory, batch, _ms(now)), None)))
            except Stopped:
                raise
            except MeshClawError as error:  # the night goes on without it, and says so
                return answered, error.code
        return answered, "" if said else NOTHING_SAID if self._source else self._without

    def _store(
        self, span: Span, desk: Desk, *, said: Sequence[Turn], answered: Sequence[tuple[list[Turn], Reply]],
        without: str, at: int,
    ) -> Night:  # fmt: skip
        revision: Revision | None = None
        if desk.operations:
            revision = self._memory.revise(
                desk.operations, by="dream", key=span.run.id, at=at, run=span.run.id
            )
        read = [turn for batch, _ in answered for turn in batch]
        everything = len(read) == len(said) and self._source is not None
        night = Night(
            run=span.run.id, at=at, until=span.until, revision=revision.number if revision else 0, known=desk.known,
            heard=span.until if everything else read[-1].seq if read else span.heard,
            refused={reason: count for reason, count in sorted(desk.refused.items()) if count},
            conflicts=conflicts_of(self._memory, desk), turns=len(read), left=len(said) - len(read),
            model=self._source.name if answered and self._source else "", without=without,
        )  # fmt: skip
        self._memory.sleep(night)
        return night


def _ended(run: Run, night: Night) -> DreamEnded:
    return DreamEnded(
        **run.named,
        revision=night.revision,
        turns=night.turns,
        left=night.left,
        known=night.known,
        refused=night.refused,
        conflicts=len(night.conflicts),
        model=night.model,
        without=night.without,
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def dream(
    parts: Parts, memory: Memory, now: datetime, *, source: Source | None = None, without: str = OFF,
    request: Request | None = None,
) -> Night | None:  # fmt: skip
    """One night, as the clock calls it; None where nothing happened."""
    return Dreamer(parts, memory, source, without=without).go(now, request)
