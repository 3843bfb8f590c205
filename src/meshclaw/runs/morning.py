"""The morning message: what ran, what was learned, what waits, what it cost. Data; whoever shows it finds the form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from meshclaw.agents.memory.store import Memory, Night
from meshclaw.errors import NotFound
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.memory import DreamEnded
from meshclaw.flow.event.model import ModelAnswered, ModelFailed
from meshclaw.flow.event.run import RunFinished, RunStarted
from meshclaw.flow.memory import Fact, Step
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs.dreaming.refusal import WORDS
from meshclaw.runs.run import ENDINGS, approvals

KIND = {"add": "new", "supersede": "changed", "merge": "joined", "expire": "ran out"}


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one agent for one intent."""

    intent: str
    agent: str
    runs: int
    done: int
    asked: int
    denied: int
    failed: int
    unfinished: int
    """Runs that failed or stopped in the middle."""


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    fact: int
    """Its number in the memory."""
    what: str
    """new, changed, joined, ran out."""
    text: str
    instead: tuple[str, ...]
    """What it took the place of."""
    times: int
    """How often it was seen."""
    by: str
    """``dream``, or ``agent`` where a run remembered it."""
    revision: int
    veto: str
    """The command that takes it back."""


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Two memories that contradict one another; neither could be judged the better one."""

    older: int
    older_text: str
    newer: int
    newer_text: str


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    approval: str
    verb: str
    words: str
    """What the verb does."""
    agent: str
    expires: datetime


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    reason: str
    words: str
    count: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    micros: int
    """Micro-dollars for the answers of models, and for those that may be billed though they broke off."""
    answers: int
    dream_micros: int
    """Of it, by dreams."""


class Morning(msgspec.Struct, frozen=True, kw_only=True):
    since: datetime
    made: datetime
    dreamt: bool
    """A dream ended in this time; where nothing happened, none begins."""
    model: str
    """That the last dream asked; empty where it asked none."""
    without: str
    """Why it asked none, a stable label; ``without_words`` says it."""
    without_words: str
    left: int
    """Requests whose words are left for the next night."""
    ran: tuple[Ran, ...]
    learned: tuple[Learned, ...]
    conflicts: tuple[Conflict, ...]
    refused: tuple[Refused, ...]
    waits: tuple[Waits, ...]
    cost: Cost


def morning(
    ledger: Ledger, memory: Memory, *, since: datetime, declared: Callable[[str], Declaration | None]
) -> Morning:
    """Of what happened since then. Nothing in it leaves this machine by itself."""
    first = timestamp(since)
    ended = [event.run for event in ledger.events(DreamEnded) if event.ts >= first]
    nights = [night for night in memory.nights(50) if night.run in ended]
    last = nights[0] if nights else Night(run="", at=0, until=0, heard=0)
    return Morning(
        since=since, made=ledger.now(), dreamt=bool(nights), model=last.model, without=last.without,
        without_words=_without(last), left=last.left, ran=tuple(_ran(ledger, first)),
        learned=tuple(_learned(memory, _ms(since))), conflicts=tuple(_conflicts(memory, nights)),
        refused=tuple(_refused(nights)), waits=tuple(_waits(ledger, declared)), cost=_cost(ledger, first, set(ended)),
    )  # fmt: skip


_WITHOUT = {
    "": "", "off": "you wanted it without a model", "not_set_up": "no model is set up (models.toml)",
    "nothing_said": "nobody said anything that was new", "cap": "it had asked as much as one night may",
    "over_budget": "the budget left no room for an answer",
}  # fmt: skip


def _without(night: Night) -> str:
    return _WITHOUT.get(night.without, f"the model did not answer ({night.without})")


def _ran(ledger: Ledger, first: str) -> Iterator[Ran]:
    """In the order in which they first ran."""
    groups: dict[tuple[str, str], list[str]] = {}
    for started in ledger.events(RunStarted):
        if started.ts >= first:
            groups.setdefault((started.intent, started.agent), []).append(started.run)
    last = {event.run: event for event in ledger.events(*ENDINGS) if event.ts >= first}
    for (intent, agent), runs in groups.items():
        ends = [end for run in runs if isinstance(end := last.get(run), RunFinished)]
        yield Ran(
            intent=intent, agent=agent, runs=len(runs), done=sum(one.done for one in ends),
            asked=sum(one.asked for one in ends), denied=sum(one.denied for one in ends),
            failed=sum(one.failed for one in ends), unfinished=len(runs) - len(ends),
        )  # fmt: skip


def _learned(memory: Memory, since: int) -> Iterator[Learned]:
    """Oldest first; what was taken back or has changed since is left out."""
    recent = [one for one in memory.revisions(500) if one.at >= since and one.by in ("dream", "agent")]
    for revision in reversed(recent):
        for step in memory.steps(revision.number):
            for fact in _news(step):
                yield Learned(
                    fact=fact.id, what=KIND.get(step.kind, step.kind), text=fact.text,
                    instead=tuple(one.text for one in step.gone if one.id != fact.id), times=fact.source.times,
                    by=revision.by, revision=revision.number,
                    veto=f"meshclaw memory undo {revision.number} --fact {fact.id}",
                )  # fmt: skip


def _news(step: Step) -> tuple[Fact, ...]:
    if step.undone:
        return ()
    if step.kind == "expire":
        return tuple(one for one in step.gone if one.state == "expired")
    return tuple(one for one in step.come if one.state == "live")


def _conflicts(memory: Memory, nights: list[Night]) -> Iterator[Conflict]:
    for older, newer in (pair for night in nights for pair in night.conflicts):
        try:
            one, other = memory.get(older), memory.get(newer)
        except NotFound:
            continue
        if one.state == other.state == "live":
            yield Conflict(older=one.id, older_text=one.text, newer=other.id, newer_text=other.text)


def _refused(nights: list[Night]) -> Iterator[Refused]:
    for reason, words in WORDS.items():
        if count := sum(night.refused.get(reason, 0) for night in nights):
            yield Refused(reason=reason, words=words, count=count)


def _waits(ledger: Ledger, declared: Callable[[str], Declaration | None]) -> Iterator[Waits]:
    agents = {event.run: event.agent for event in ledger.events(RunStarted)}
    for one in approvals(ledger).open():
        declaration = declared(one.verb)
        yield Waits(
            approval=one.id, verb=one.verb, words=declaration.words if declaration else one.verb,
            agent=agents.get(one.run, ""), expires=one.expires,
        )  # fmt: skip


def _cost(ledger: Ledger, first: str, dreams: set[str]) -> Cost:
    answers = [event for event in ledger.events(ModelAnswered) if event.ts >= first]
    broken = [event for event in ledger.events(ModelFailed) if event.ts >= first]
    paid = [*((one.run, one.cost_micros) for one in answers), *((one.run, one.kept_micros) for one in broken)]
    return Cost(
        micros=sum(micros for _, micros in paid),
        answers=len(answers),
        dream_micros=sum(micros for run, micros in paid if run in dreams),
    )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
