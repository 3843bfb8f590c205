"""What a new fact does to those that are there: decided by code, from what they answer, whose word it is and when.

A newer word of the person takes the place of what answers the same. What is weaker than what it contradicts never
does: both are kept, and the person is told.
"""

from __future__ import annotations

import re

import msgspec

from meshclaw.agents.memory.store import Memory
from meshclaw.flow.memory import TRUST, Add, Fact, Supersede, same

LONGEST = 300
"""Characters of one fact."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    operation: Add | Supersede | None = None
    """None where it is known already."""
    known: int = 0
    """The fact that says so."""
    conflict: tuple[int, ...] = ()
    """Facts that it contradicts and that stay."""


def judge(memory: Memory, fact: Fact, now: int) -> Judged:
    """``fact`` is new; its ``subject`` and ``attribute`` say what it answers. ``now``: Unix milliseconds."""
    rivals = _standing(memory.about(fact.subject, fact.attribute, fact.scope), now)
    alike = _standing(memory.saying(fact.text, fact.scope), now)
    if (known := _same(fact, [*rivals, *alike])) is not None:
        return Judged(known=known.id)
    if not rivals:
        return Judged(operation=Add(fact=fact))
    if any(one.trust == fact.trust and one.learned > fact.learned > 0 for one in rivals):
        return Judged(known=rivals[-1].id)  # said since, and it stands
    strength = TRUST.index(fact.trust)
    stronger = tuple(one.id for one in rivals if TRUST.index(one.trust) < strength)
    if stronger:
        return Judged(operation=Add(fact=fact), conflict=stronger)
    return Judged(operation=Supersede(of=tuple(one.id for one in rivals), fact=fact))


def _standing(facts: list[Fact], now: int) -> list[Fact]:
    """Without those that ran out and are still to be put away."""
    return [one for one in facts if one.expires is None or one.expires > now]


def _same(fact: Fact, others: list[Fact]) -> Fact | None:
    wanted = same(fact.text)
    return next((one for one in others if same(one.text) == wanted), None)


_NAME = r"[\w][\w .&-]{1,40}?"
_ASSERTED = (
    (re.compile(rf"(?P<whose>my|our) (?P<what>{_NAME}) (?:is|are|was|were)(?: now| not)?\b", re.IGNORECASE), ""),
    (re.compile(rf"(?P<whose>{_NAME})'s (?P<what>{_NAME}) (?:is|are)(?: now| not)?\b", re.IGNORECASE), ""),
    (re.compile(r"(?P<whose>I|we)(?: now)? (?:live|am based|are based|moved?) (?:in|to|at)\b", re.IGNORECASE), "home"),
    (re.compile(r"(?P<whose>I|we)(?: now)? work (?:for|at)\b", re.IGNORECASE), "employer"),
    (re.compile(r"(?P<whose>I) (?:am|was) born\b", re.IGNORECASE), "birthday"),
)  # fmt: skip
_SELF = {"my": "me", "i": "me", "our": "us", "we": "us"}


def answers(text: str) -> tuple[str, str]:
    """Subject and attribute of a plain English statement: "my dentist is ..." answers ("me", "dentist").

    Two empty words where it is none of the few forms that are certain; such a fact contradicts nothing by rule.
    """
    for pattern, what in _ASSERTED:
        if found := pattern.match(text):
            whose = same(found["whose"])
            return _SELF.get(whose, whose), what or same(found["what"])
    return "", ""
