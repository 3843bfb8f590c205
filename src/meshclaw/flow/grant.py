"""The rights a run has, policies apart: ceiling ∩ agent ∩ intent; the tightest wins."""

from __future__ import annotations

import msgspec

from meshclaw.flow.declaration import Declaration, Effect


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """One layer. Nothing is allowed that is not named: an empty layer allows nothing."""

    effects: frozenset[Effect] = frozenset()
    verbs: frozenset[str] = frozenset()
    """``mail.move`` or ``mail.*``."""
    denied: frozenset[str] = frozenset()
    """Verbs taken out again; a denial always wins."""

    def allow(self, declaration: Declaration) -> bool:
        names = declaration.patterns
        return (
            declaration.effect in self.effects
            and not names.isdisjoint(self.verbs)
            and names.isdisjoint(self.denied)
        )


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    ceiling: Rights
    agent: Rights
    intent: Rights

    def refusing_layer(self, declaration: Declaration) -> str | None:
        """The name of the first layer that does not allow this verb; None where all do."""
        layers = (
            ("ceiling", self.ceiling),
            ("agent", self.agent),
            ("intent", self.intent),
        )
        return next((name for name, rights in layers if not rights.allow(declaration)), None)
