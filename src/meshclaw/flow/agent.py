"""An agent: what it is for, who answers for it, and the rights it asks."""

from __future__ import annotations

import msgspec

from meshclaw.flow.grant import Rights


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str
    purpose: str
    owner: str
    intents: frozenset[str]
    rights: Rights

    @property
    def label(self) -> str:
        """How events name it: ``mail-triage@1``."""
        return f"{self.name}@{self.version}"
