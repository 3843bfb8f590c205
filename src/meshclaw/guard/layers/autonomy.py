"""The ladder: draft, one tap, act with undo, autonomous; earned per agent and verb."""

from __future__ import annotations

from collections.abc import Iterable

from meshclaw.flow.action import Action
from meshclaw.flow.autonomy import LADDER, Level
from meshclaw.flow.decision import Decision, ask
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.guard.context import Context
from meshclaw.guard.second import NEED, needs_two


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


def check(_: Action, context: Context) -> Decision | None:
    """Asks where the agent may not do this alone yet."""
    declaration, level = context.declaration, context.level
    if declaration is None:
        return None
    if needs_two(declaration, context.two_person):  # no promotion by one person lifts what takes two
        return ask("autonomy.two_person", "it takes two persons, however far the agent may go alone", NEED)
    if declaration.effect in ("read", "draft"):
        return None
    if declaration.reversible and (context.by_person or level in ("act_with_undo", "autonomous")):
        return None
    if level == "autonomous":
        return None
    return ask(
        f"autonomy.{level}",
        f"{declaration.words}: its effect is {declaration.effect!r}, and the agent stands at {level!r} for this",
    )


def allowed(context: Context) -> Decision:
    """Why an action to which nobody objects goes ahead."""
    declaration = context.declaration
    if declaration is not None and declaration.effect in ("read", "draft"):
        rule, reason = f"effect.{declaration.effect}", "it changes nothing for anybody else"
    elif context.by_person:
        rule, reason = "person", "you asked for exactly this, and it can be taken back"
    else:
        rule, reason = f"autonomy.{context.level}", "this agent may do this alone"
    return Decision(verdict="allow", rule=rule, reason=reason)
