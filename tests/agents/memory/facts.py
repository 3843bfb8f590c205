"""Facts as tests make them."""

from __future__ import annotations

from typing import Any

from meshclaw.agents.memory.store import Memory
from meshclaw.flow.memory import Add, Fact, Source


def fact(text: str, **more: Any) -> Fact:
    given: dict[str, Any] = {"trust": "person", "source": Source(what="typed"), **more}
    return Fact(text=text, **given)


def keep(memory: Memory, *texts: str, at: int = 1_000, **more: Any) -> list[int]:
    """Their numbers."""
    before = {one.id for one in memory.live()}
    key = f"kept-{len(memory.revisions())}"
    memory.revise([Add(fact=fact(text, **more)) for text in texts], by="person", key=key, at=at)
    return [one.id for one in memory.live() if one.id not in before]


def texts(memory: Memory) -> list[str]:
    return [one.text for one in memory.live()]
