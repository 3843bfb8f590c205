"""What a claw remembers: facts, the operations that change them, and the revisions these make."""

from __future__ import annotations

import re
from typing import Literal, get_args

import msgspec

Trust = Literal["person", "record", "receipt"]
"""Whose word it is: the person's own, what an outside system shows (a mail they moved back), what the claw itself did.
What others wrote is none of these, so it cannot be said of a fact."""
TRUST: tuple[Trust, ...] = get_args(Trust)
"""The strongest first."""

State = Literal["live", "superseded", "merged", "expired", "withdrawn", "forgotten"]
"""``withdrawn``: the revision that brought it was taken back. ``forgotten``: its text is erased for good."""

EVERYWHERE = "person"
"""The scope of what holds for the person, whatever is done for them."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    what: Literal["typed", "words", "outcomes", "answers", "facts"]
    """``typed`` into ``meshclaw memory add``; the ``words`` of a request; ``outcomes`` of receipts; ``answers`` to
    approvals; other ``facts``, of which it was merged."""
    runs: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    """Of the ledger, a few of them where there are many."""
    times: int = 1
    """How often it was seen when it was learned."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    id: int = 0
    """0 before it is stored."""
    text: str
    """One sentence; empty once it is forgotten."""
    trust: Trust
    source: Source
    scope: str = EVERYWHERE
    """Else ``agent:NAME`` or ``about:SUBJECT``, as in ``about:maildir:/home/ada/Mail``."""
    subject: str = ""
    """With ``attribute`` what it answers, so that two answers are known to contradict: ``me``, ``dentist``."""
    attribute: str = ""
    learned: int = 0
    """Unix milliseconds."""
    expires: int | None = None
    state: State = "live"


class Add(msgspec.Struct, frozen=True, kw_only=True, tag="add"):
    fact: Fact


class Merge(msgspec.Struct, frozen=True, kw_only=True, tag="merge"):
    """Several become one."""

    of: tuple[int, ...]
    fact: Fact


class Supersede(msgspec.Struct, frozen=True, kw_only=True, tag="supersede"):
    """A newer or stronger one takes the place of what it contradicts."""

    of: tuple[int, ...]
    fact: Fact


class Expire(msgspec.Struct, frozen=True, kw_only=True, tag="expire"):
    of: int


Operation = Add | Merge | Supersede | Expire

By = Literal["person", "agent", "dream", "undo"]


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    at: int
    """Unix milliseconds."""
    by: By
    run: str = ""
    undoes: int = 0
    """Number of the revision that it takes back, wholly or in part."""
    digest: str = ""
    """SHA-256, salted, over what it did; an event names it."""
    counts: dict[str, int] = {}
    """How many operations of each kind."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of a revision, as it can be shown."""

    kind: str
    gone: tuple[Fact, ...] = ()
    """No longer live because of it."""
    come: tuple[Fact, ...] = ()
    undone: int = 0
    """Number of the revision that took it back, or 0."""


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A fact and why it is shown."""

    fact: Fact
    matched: tuple[str, ...] = ()
    """Words of it that the query's words found."""
    bm25: float = 0.0
    """Okapi BM25 of those words, larger is nearer (SQLite gives it with the other sign)."""
    recency: float = 0.0
    """1 for what was learned now, half of it each half-life, never below ``recall.OLDEST``."""
    likeness: float = 0.0
    """Cosine of the embeddings, where there are any."""
    score: float = 0.0
    why: str = ""
    """One sentence for the person."""


def same(text: str) -> str:
    """The form in which two texts are one: words alone, in lower case."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def weakest(*trusts: Trust) -> Trust:
    """What rests on several rests on the weakest."""
    return TRUST[max(map(TRUST.index, trusts))]
