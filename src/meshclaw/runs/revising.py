"""Changing what is remembered: the memory first, then the ledger's event of it, each exactly once.

A kill between the two leaves a revision that nobody was told of; whoever comes next tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from meshclaw.agents.memory.judge import answers, judge
from meshclaw.agents.memory.recall import recall
from meshclaw.agents.memory.store import Memory
from meshclaw.errors import Refused
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.memory import MemoryForgotten, MemoryRevised, MemoryVetoed
from meshclaw.flow.memory import EVERYWHERE, By, Fact, Recalled, Revision, Source
from meshclaw.flow.units import new_id
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.dreaming.refusal import malformed, secret

if TYPE_CHECKING:
    from meshclaw.agents.memory.likeness import Likeness


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a sentence that was to be remembered."""

    revision: Revision | None
    """None where it is known already."""
    known: int = 0
    """The fact that says so."""
    conflict: tuple[int, ...] = ()


def now_ms(ledger: Ledger) -> int:
    return int(ledger.now().timestamp() * 1000)


def state(
    memory: Memory, ledger: Ledger, text: str, *, by: By, source: Source, key: str = "", run: str = "",
    scope: str = EVERYWHERE, expires: int | None = None,
) -> Statement:  # fmt: skip
    """Remember a sentence in the person's own words. Raises Refused for a secret and for what is no sentence."""
    text = " ".join(text.split())
    if why := malformed(text) or secret(text):
        raise Refused(
            f"this is not remembered: {why}", fix="Say it in one plain sentence, without a secret in it."
        )
    subject, attribute = answers(text)
    fact = Fact(
        text=text,
        trust="person",
        source=source,
        subject=subject,
        attribute=attribute,
        scope=scope,
        expires=expires,
    )
    with memory.writing():
        if key and (again := memory.keyed(key)) is not None:
            return Statement(revision=again)
        at = now_ms(ledger)
        judged = judge(memory, fact, at)
        revision = None
        if judged.operation is not None:
            revision = memory.revise([judged.operation], by=by, key=key or new_id(), at=at, run=run)
    tell(memory, ledger)
    return Statement(revision=revision, known=judged.known, conflict=judged.conflict)


def undo(memory: Memory, ledger: Ledger, number: int, *, fact: int | None = None, key: str = "") -> Revision:
    """Take back a revision, or what it did to one fact."""
    revision = memory.undo(number, key=key or new_id(), at=now_ms(ledger), fact=fact)
    tell(memory, ledger)
    return revision


def forget(memory: Memory, ledger: Ledger, ids: Sequence[int]) -> tuple[int, ...]:
    """Erase for good; which facts that were."""
    try:
        return memory.forget(ids, key=new_id(), at=now_ms(ledger))
    finally:
        tell(memory, ledger)


def tell(memory: Memory, ledger: Ledger) -> None:
    """Record the events of revisions that have none yet."""
    for revision in memory.untold():
        with ledger.writing():
            known = {event.digest for event in ledger.events(MemoryRevised)}
            if revision.digest not in known:
                ledger.record(*_facts(memory, revision))
        memory.mark_told(revision.number)


def _facts(memory: Memory, revision: Revision) -> Iterator[Event]:
    yield MemoryRevised(
        run=revision.run, revision=revision.number, by=revision.by, digest=revision.digest, counts=revision.counts,
        undoes=revision.undoes,
    )  # fmt: skip
    if count := revision.counts.get("forget"):
        yield MemoryForgotten(facts=count)
    if revision.undoes and memory.revision(revision.undoes).by == "dream":
        gone = [fact for step in memory.steps(revision.number) for fact in step.gone]
        yield MemoryVetoed(revision=revision.undoes, facts=len(gone))


class Keeping:
    """The memory for one run: what the person's scope holds, and its agent's own."""

    def __init__(self, memory: Memory, ledger: Ledger, agent: str, likeness: Likeness | None = None) -> None:
        self._likeness = likeness
        self._memory = memory
        self._ledger = ledger
        self._scopes = (EVERYWHERE, f"agent:{agent}")

    def recall(self, query: str) -> list[Recalled]:
        return recall(
            self._memory, query, now=now_ms(self._ledger), scopes=self._scopes, likeness=self._likeness
        )

    def remember(self, text: str, *, key: str, run: str) -> int:
        source = Source(what="words", runs=(run,))
        stated = state(self._memory, self._ledger, text, by="agent", source=source, key=key, run=run)
        return stated.revision.number if stated.revision else 0

    def drop(self, revision: int, *, key: str, run: str) -> int:  # noqa: ARG002  the key tells the run
        return undo(self._memory, self._ledger, revision, key=key).number

    def kept(self, key: str) -> int | None:
        revision = self._memory.keyed(key)
        return revision.number if revision else None
