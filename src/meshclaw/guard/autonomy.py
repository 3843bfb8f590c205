"""The ladder: draft, one tap, act with undo, autonomous; earned per agent and verb."""

from __future__ import annotations

from collections.abc import Iterable

from meshclaw.flow.action import Declaration
from meshclaw.flow.autonomy import LADDER, Level
from meshclaw.flow.event.guard import AutonomyChanged


def start_level(declaration: Declaration) -> Level:
    """Reversible changes in the person's own place act with undo; what leaves the machine starts at draft."""
    if declaration.effect in ("read", "draft"):
        return "autonomous"
    if declaration.effect in ("label", "write") and declaration.reversible:
        return "act_with_undo"
    return "draft"


class Autonomy:
    """Levels as the ledger's ``autonomy.changed`` events left them."""

    def __init__(self, changes: Iterable[AutonomyChanged]) -> None:
        self._levels: dict[tuple[str, str], Level] = {
            (change.agent, change.verb): change.level for change in changes
        }

    def level(self, agent: str, declaration: Declaration) -> Level:
        return self._levels.get((agent, declaration.verb)) or start_level(declaration)

    def after_rejection(self, agent: str, declaration: Declaration) -> Level:
        """One step down from where the agent stands."""
        return LADDER[max(0, LADDER.index(self.level(agent, declaration)) - 1)]
