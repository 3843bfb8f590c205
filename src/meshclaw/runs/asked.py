"""What an agent's rights would come to on this machine, verb by verb, before it runs for the first time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from meshclaw.flow.agent import Agent
from meshclaw.flow.autonomy import LADDER, Level
from meshclaw.flow.declaration import Declaration, Effect
from meshclaw.flow.grant import Rights
from meshclaw.guard.intents import INTENTS
from meshclaw.guard.layers.autonomy import start_level
from meshclaw.guard.second import TWO_PERSON, needs_two

Stands = Literal["alone", "undoable", "asks", "two", "ceiling", "intent"]
"""What would come of it. ``ceiling`` and ``intent``: nothing, for that layer does not allow it."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    verb: str
    words: str
    effect: Effect
    reversible: bool
    stands: Stands


def asked(
    agent: Agent, declarations: Iterable[Declaration], ceiling: Rights, wished: dict[str, Level], *,
    two_person: frozenset[str] = TWO_PERSON,
) -> list[Asked]:  # fmt: skip
    """Each verb that it asks for. ``wished``: the levels it asks for, of which only lower ones count from the start."""
    return [
        Asked(
            verb=one.verb, words=one.words, effect=one.effect, reversible=one.reversible,
            stands=_stands(agent, one, ceiling, wished.get(one.verb), two_person),
        )
        for one in declarations if agent.rights.allow(one)
    ]  # fmt: skip


def first_level(declaration: Declaration, wished: Level | None) -> Level:
    """Where it begins: as everybody does, or lower where it asks for less."""
    usual = start_level(declaration)
    return LADDER[min(LADDER.index(usual), LADDER.index(wished))] if wished else usual


def _stands(
    agent: Agent, one: Declaration, ceiling: Rights, wished: Level | None, two_person: frozenset[str]
) -> Stands:
    if not ceiling.allow(one):
        return "ceiling"
    if not any(INTENTS[intent].allow(one) for intent in agent.intents if intent in INTENTS):
        return "intent"
    if needs_two(one, two_person):
        return "two"
    if one.effect in ("read", "draft"):
        return "alone"
    level = first_level(one, wished)
    return "undoable" if one.reversible and level in ("act_with_undo", "autonomous") else "asks"
