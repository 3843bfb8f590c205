"""An agent: what it is for, who answers for it, and the rights it asks."""

from __future__ import annotations

import msgspec

from meshclaw.flow.grant import Rights
from meshclaw.flow.limits import Limits

SHORT = 12
"""Hex digits of an installed agent's digest that stand in its label."""


class Skill(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of work is done; the text itself is read when it is needed."""

    name: str
    description: str


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str
    purpose: str
    owner: str
    intents: frozenset[str]
    rights: Rights
    digest: str = ""
    """SHA-256 over all its files; empty for the agents that come with MeshClaw."""
    limits: Limits = Limits()
    """What it asks to be held to, besides everybody's limits."""
    model: str = ""
    """The class of models that it wants; empty: the usual one."""
    instructions: str = ""
    """How its author wants the work done; part of every prompt."""
    skills: tuple[Skill, ...] = ()

    @property
    def label(self) -> str:
        """How events name it: ``mail-triage@1``; an installed one ``reader@1.2+0a1b2c3d4e5f``, so that a level it
        earned is not inherited by other words under the same version.
        """
        return f"{self.name}@{self.version}" + (f"+{self.digest[:SHORT]}" if self.digest else "")

    @property
    def bare(self) -> Agent:
        """Without what only a model is told: decisions keep this of it."""
        return msgspec.structs.replace(self, instructions="", skills=())
