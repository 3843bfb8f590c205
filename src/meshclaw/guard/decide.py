"""Allow, ask or deny one action. Nothing matched means deny; an error in here means deny.

Every layer looks at every action and may object with an ask or a deny. One deny is enough; no approval lifts it.
Where somebody asks and nobody denies, a person's answer to exactly this action decides. So a layer more, or a
stricter one, never allows more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision
from meshclaw.guard import (
    approvals,
    autonomy,
    budget,
    declared,
    denotation,
    granted,
    information,
    licence,
    plan,
    questions,
    review,
)
from meshclaw.guard.context import Context

Layer = Callable[[Action, Context], Decision | None]
"""None where the layer has no objection."""

LAYERS: dict[str, Layer] = {
    "declared": declared.check,
    "review": review.check,
    "granted": granted.check,
    "plan": plan.check,
    "licence": licence.check,
    "denotation": denotation.check,
    "information": information.check,
    "questions": questions.check,
    "budget": budget.check,
    "autonomy": autonomy.check,
}


def decide(action: Action, context: Context) -> Decision:
    """The guard's word on ``action``, with the rule that decided and a reason for the person."""
    return judge(action, context, LAYERS.values())


def judge(action: Action, context: Context, layers: Iterable[Layer]) -> Decision:
    """The word of ``layers`` alone; benchmarks take one out to show what it is there for."""
    try:
        context = msgspec.structs.replace(context, origins=denotation.origins(action, context))
        objections = [objection for layer in layers if (objection := layer(action, context)) is not None]
        answer = approvals.answered(action, context)
        spoken = [*objections, answer] if answer else objections
        denied = next((one for one in spoken if one.verdict == "deny"), None)
        word = denied or answer or next(iter(objections), None) or autonomy.allowed(context)
        decision = questions.capped(word, action, context)
        return msgspec.structs.replace(decision, labels={one.path: one.label for one in context.origins})
    except Exception as error:  # noqa: BLE001 - whatever broke, an action that was not judged does not happen
        return Decision(
            verdict="deny", rule="guard.error", reason=f"the guard itself failed ({type(error).__name__})"
        )
