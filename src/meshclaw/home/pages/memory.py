"""Memory: what the claw remembers, whose word it is, and having it forget; every change can be taken back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from meshclaw.agents.memory.recall import recall
from meshclaw.errors import UserError
from meshclaw.flow.memory import EVERYWHERE, Fact, Recalled, Revision, Source, Step
from meshclaw.home.page import Page, Shown, Visit, Went
from meshclaw.runs import revising
from meshclaw.wiring.memory import likeness

LAST = 20
FROM = {
    "typed": "you typed it", "words": "from your words in a request", "outcomes": "from what you did afterwards",
    "answers": "from your answers to approvals", "facts": "joined from other memories",
}  # fmt: skip


class All(msgspec.Struct, frozen=True, kw_only=True):
    facts: Sequence[Fact]
    asked: str
    """What is searched for; empty where all of it is shown."""
    found: Sequence[Recalled]
    revisions: Sequence[Revision]
    sources: dict[str, str]


class One(msgspec.Struct, frozen=True, kw_only=True):
    fact: Fact
    source: str
    before: Sequence[Fact]
    """What it took the place of."""
    revisions: Sequence[Revision]
    relatives: Sequence[Fact]
    """What would be erased with it."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    revision: Revision
    steps: Sequence[Step]
    can_undo: bool


def every(visit: Visit) -> Shown:
    claw, asked = visit.claw, visit.query.get("q", "").strip()[:200]
    found: Sequence[Recalled] = ()
    if asked:
        found = recall(
            claw.memory, asked, now=revising.now_ms(claw.ledger), scopes=claw.memory.scopes() or [EVERYWHERE], limit=20,
            likeness=likeness(claw),
        )  # fmt: skip
    context = All(
        facts=claw.memory.live(),
        asked=asked,
        found=found,
        revisions=claw.memory.revisions(LAST),
        sources=FROM,
    )
    return Shown(title="Memory", template="memory.html", context=context)


def one(visit: Visit) -> Shown:
    memory, id_ = visit.claw.memory, _number(visit.path["id"])
    fact = memory.get(id_)
    context = One(
        fact=fact, source=FROM[fact.source.what], before=memory.made_of(id_), revisions=memory.touching(id_),
        relatives=memory.relatives([id_]),
    )  # fmt: skip
    return Shown(title=f"Memory {id_}", template="fact.html", context=context)


def changed(visit: Visit) -> Shown:
    memory, number = visit.claw.memory, _number(visit.path["number"])
    steps = memory.steps(number)
    context = Changed(
        revision=memory.revision(number), steps=steps,
        can_undo=any(not step.undone and step.kind != "forget" for step in steps),
    )  # fmt: skip
    return Shown(title=f"Revision {number}", template="revision.html", context=context)


def _number(text: str) -> int:
    """One that none has where it is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def add(visit: Visit) -> Went:
    claw, words = visit.claw, visit.form.get("words", "")
    stated = revising.state(claw.memory, claw.ledger, words, by="person", source=Source(what="typed"))
    if stated.revision is None:
        return Went(to="/memory", words="That is remembered already.")
    return Went(to="/memory", words="Remembered.")


def undo(visit: Visit) -> Went:
    """All of a revision, or what it did to the one fact that the form names."""
    claw, only = visit.claw, visit.form.get("fact", "")
    number = _number(visit.path["number"])
    made = revising.undo(claw.memory, claw.ledger, number, fact=_number(only) if only else None)
    return Went(
        to="/memory", words=f"Taken back; that is revision {made.number}, and can be taken back, too."
    )


def forget(visit: Visit) -> Went:
    """Only what the person was shown: more may have been made of it since."""
    claw, id_ = visit.claw, _number(visit.path["id"])
    wanted = ",".join(str(fact.id) for fact in claw.memory.relatives([id_]))
    if visit.form.get("these", "") != wanted:
        raise UserError("other memories would be erased with it than you were shown", fix="Look at it again.")
    gone = revising.forget(claw.memory, claw.ledger, [id_])
    return Went(
        to="/memory", words=f"Erased for good: {len(gone)} {'memory' if len(gone) == 1 else 'memories'}."
    )


PAGE = Page(
    name="Memory", path="/memory",
    shows={"/memory": every, "/memory/{id}": one, "/memory/revisions/{number}": changed},
    does={"/memory": add, "/memory/revisions/{number}/undo": undo, "/memory/{id}/forget": forget},
)  # fmt: skip
