"""From proposals to operations: every one is held against its sources, against what is known, and against the caps.

A model proposes; what is stored is decided here, by code, within the transaction that stores it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from meshclaw.agents.memory.judge import answers, judge
from meshclaw.agents.memory.store import Memory
from meshclaw.errors import NotFound
from meshclaw.flow.memory import (
    EVERYWHERE,
    TRUST,
    Add,
    Expire,
    Fact,
    Merge,
    Operation,
    Source,
    Supersede,
    Trust,
    same,
    weakest,
)
from meshclaw.runs.dreaming.proposing import Proposal
from meshclaw.runs.dreaming.refusal import KEPT, Reason, in_common, malformed, refusal, secret, share
from meshclaw.runs.dreaming.turns import Turn

MOST = 25
"""Operations of one night, expiry apart: nobody vetoes more in a morning."""
SHARE = 0.1
"""Of the memory, how much one night may put another thing in the place of."""
AT_LEAST = 5
"""Facts that it may replace however small the memory is."""
LONGEST_KEY = 40
"""Characters of a subject or an attribute."""


class Desk:
    """Takes what is proposed in one night; all of it within ``memory.writing``."""

    def __init__(self, memory: Memory, now: int) -> None:
        self.operations: list[Operation] = []
        self.refused: Counter[Reason] = Counter()
        self.known = 0
        self.conflicts: list[tuple[int, Fact]] = []
        """A fact that stays, and the new one that contradicts it."""
        self._memory = memory
        self._now = now
        self._gone: set[int] = set()
        self._come: set[tuple[str, str]] = set()
        self._answers: dict[tuple[str, str, str], int] = {}
        """Where in ``operations`` this night's own answer to something stands."""
        self._room = max(AT_LEAST, int(memory.count() * SHARE))

    def expire(self) -> None:
        """What the person gave an end to: no proposal, so no cap."""
        for fact in self._memory.expired(self._now):
            self._gone.add(fact.id)
            self.operations.append(Expire(of=fact.id))

    def state(self, text: str, turn: Turn) -> None:
        """The person's own sentence, which they said was to be remembered."""
        reason: Reason | None = "malformed" if malformed(text) else "secret" if secret(text) else None
        subject, attribute = answers(text)
        source = Source(what="words", runs=(turn.run,), events=(turn.event,))
        fact = Fact(
            text=text, trust="person", source=source, subject=subject, attribute=attribute, learned=turn.at
        )
        self._take(fact, reason)

    def learn(self, fact: Fact) -> None:
        """Counted from corrections."""
        self._take(fact, None)

    def propose(self, one: Proposal, batch: Sequence[Turn]) -> None:
        """A model's. ``batch``: the turns it was shown."""
        turns = [batch[number - 1] for number in dict.fromkeys(one.rests_on) if 1 <= number <= len(batch)]
        old = self._named(one)
        if old is None or (not turns and one.do != "merge"):
            self.refused["stale" if old is None else "ungrounded"] += 1
            return
        fact = self._proposed(one, turns, old)
        reason = refusal(one.text, [*(turn.text for turn in turns), *(was.text for was in old)])
        reason = reason or self._against(one, fact, old)
        if reason is not None or one.do == "add":
            self._take(fact, reason)
            return
        ids = tuple(was.id for was in old)
        self._put(Merge(of=ids, fact=fact) if one.do == "merge" else Supersede(of=ids, fact=fact), ids)

    # -- inside --------------------------------------------------------------------------

    def _named(self, one: Proposal) -> list[Fact] | None:
        """The live facts it is about; None where one is not there, or not in its number."""
        ids = tuple(dict.fromkeys(one.of))
        wanted = {"add": len(ids) == 0, "supersede": len(ids) == 1, "merge": 1 < len(ids) <= AT_LEAST}[one.do]
        try:
            old = [self._memory.get(id_) for id_ in ids]
        except NotFound:
            return None
        gone = any(was.state != "live" or was.id in self._gone for was in old)
        return None if gone or not wanted or len({was.scope for was in old}) > 1 else old

    def _proposed(self, one: Proposal, turns: Sequence[Turn], old: Sequence[Fact]) -> Fact:
        merges = one.do == "merge"
        keys = answers(one.text)
        if not all(keys):
            keys = (_key(one.subject), _key(one.attribute))
        told = Source(
            what="facts" if merges and not turns else "words", runs=tuple(dict.fromkeys(turn.run for turn in turns)),
            events=tuple(turn.event for turn in turns), times=max(1, len(turns)),
        )  # fmt: skip
        trusts: list[Trust] = [was.trust for was in old] if merges else ["person"]
        return Fact(
            text=" ".join(one.text.split()), source=told, subject=keys[0], attribute=keys[1],
            trust=weakest(*trusts),
            scope=old[0].scope if old else EVERYWHERE, learned=max((turn.at for turn in turns), default=self._now),
        )  # fmt: skip

    @staticmethod
    def _against(one: Proposal, fact: Fact, old: Sequence[Fact]) -> Reason | None:
        """What a supersession or a merge must keep."""
        if any(TRUST.index(was.trust) < TRUST.index(fact.trust) for was in old) and one.do == "supersede":
            return "weaker"
        if one.do == "supersede" and not any(_alike(fact, was) for was in old):
            return "unrelated"
        if one.do == "merge" and any(share(was.text, fact.text) < KEPT for was in old):
            return "loses"
        return None

    def _take(self, fact: Fact, reason: Reason | None) -> None:
        if reason is None and self._memory.is_vetoed(fact):
            reason = "vetoed"
        if reason is not None:
            self.refused[reason] += 1
            return
        if self._replaces(fact):
            return
        judged = judge(self._memory, fact, self._now)
        if judged.operation is None or (fact.scope, same(fact.text)) in self._come:
            self.known += 1
            return
        gone = judged.operation.of if isinstance(judged.operation, Supersede) else ()
        if self._put(judged.operation, gone):
            self.conflicts += [(id_, fact) for id_ in judged.conflict]

    def _replaces(self, fact: Fact) -> bool:
        """Another answer to the same this very night: the later one counts, unless it is the weaker one."""
        at = (
            self._answers.get((fact.subject, fact.attribute, fact.scope))
            if fact.subject and fact.attribute
            else None
        )
        if at is None:
            return False
        before = self.operations[at]
        if isinstance(before, Expire) or same(before.fact.text) == same(fact.text):
            self.known += 1
        elif TRUST.index(fact.trust) > TRUST.index(before.fact.trust):
            self.refused["weaker"] += 1
        else:
            self.operations[at] = msgspec.structs.replace(before, fact=fact)
        return True

    def _put(self, operation: Add | Merge | Supersede, gone: tuple[int, ...]) -> bool:
        changed = sum(not isinstance(one, Expire) for one in self.operations)
        if changed >= MOST or len(gone) > self._room or self._gone & set(gone):
            self.refused["stale" if self._gone & set(gone) else "cap"] += 1
            return False
        if self._memory.is_vetoed(operation.fact):
            self.refused["vetoed"] += 1
            return False
        self._room -= len(gone)
        self._gone |= set(gone)
        self._come.add((operation.fact.scope, same(operation.fact.text)))
        if operation.fact.subject and operation.fact.attribute:
            key = (operation.fact.subject, operation.fact.attribute, operation.fact.scope)
            self._answers[key] = len(self.operations)
        self.operations.append(operation)
        return True


def _alike(fact: Fact, was: Fact) -> bool:
    """Both answer one thing, or have a telling word in common."""
    answer = bool(fact.subject) and (fact.subject, fact.attribute) == (was.subject, was.attribute)
    return answer or in_common(fact.text, was.text)


def _key(text: str) -> str:
    key = same(text)
    return key if len(key) <= LONGEST_KEY else ""


def conflicts_of(memory: Memory, desk: Desk) -> tuple[tuple[int, int], ...]:
    """By number, once the new ones are stored: the one that stayed, and the new one that says otherwise."""
    return tuple(
        (old, new.id)
        for old, fact in desk.conflicts
        for new in memory.about(fact.subject, fact.attribute, fact.scope)
        if new.text == fact.text
    )


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One operation for a dry run."""

    do: str
    text: str
    of: tuple[int, ...]


def told(operation: Operation) -> Told:
    if isinstance(operation, Expire):
        return Told(do="expire", text="", of=(operation.of,))
    of = () if isinstance(operation, Add) else operation.of
    return Told(do=str(type(operation).__struct_config__.tag), text=operation.fact.text, of=of)
