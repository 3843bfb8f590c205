"""How often a run may ask. After it read what others can write, each question may be the attacker's.

A question more than the limit freezes the run: from there on it may only read. No answer thaws it; what is still
wanted of it is asked for anew.
"""

from __future__ import annotations

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, deny
from meshclaw.guard.context import Context

FROZEN = "frozen.questions"


def check(_: Action, context: Context) -> Decision | None:
    """A frozen run reads and does nothing else."""
    is_read = context.declaration is not None and context.declaration.effect == "read"
    return deny(FROZEN, _WHY) if context.spent.frozen and not is_read else None


def capped(decision: Decision, action: Action, context: Context) -> Decision:
    """``decision``, unless it is a question too many."""
    if decision.verdict != "ask" or not context.tainted:
        return decision
    count = context.spent.questions_after(action.external_id, action.verb, decision.rule, context.now)
    return deny(FROZEN, _WHY) if count > context.limits.run.questions else decision


_WHY = (
    "after it read what others can write, this run wanted to ask you too much, so it is frozen and may only read; "
    "what you still want of it, ask for anew"
)
