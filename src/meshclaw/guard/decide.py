"""Allow, ask or deny one action. Nothing matched means deny; an error in here means deny.

Every layer looks at every action and may object with an ask or a deny. One deny is enough; no approval lifts it.
Where somebody asks and nobody denies, a person's answer to exactly this action decides. So a layer more, or a
stricter one, never allows more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import msgspec

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision
from meshclaw.guard import approvals
from meshclaw.guard.context import Context
from meshclaw.guard.layers import (
    autonomy,
    budget,
    declared,
    denotation,
    granted,
    information,
    licence,
    plan,
    policy,
    questions,
    review,
    stop,
)
from meshclaw.guard.values import values_of

Layer = Callable[[Action, Context], Decision | None]
"""None or an allow where the layer has no objection; an allow names the policies behind it."""

LAYERS: dict[str, Layer] = {
    "stop": stop.check,
    "declared": declared.check,
    "review": review.check,
    "granted": granted.check,
    "policy": policy.check,
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
        context = _worked_out(action, context)
        words = [word for layer in layers if (word := layer(action, context)) is not None]
        objections = [word for word in words if word.verdict != "allow"]
        denied = next((one for one in objections if one.verdict == "deny"), None)
        labels = _labels(context)
        asked = _together(objections, labels)
        answer = None if denied else approvals.answered(action, context, asked)
        word = denied or answer or asked or autonomy.allowed(context)
        decision = questions.capped(word, action, context)
        policies = tuple(chain.from_iterable(word.policies for word in words))
        return msgspec.structs.replace(decision, labels=labels, policies=policies)
    except Exception as error:  # noqa: BLE001 - whatever broke, an action that was not judged does not happen
        return Decision(
            verdict="deny", rule="guard.error", reason=f"the guard itself failed ({type(error).__name__})"
        )


def _worked_out(action: Action, context: Context) -> Context:
    """With what several layers look at."""
    if context.declaration is None:
        return context
    context = msgspec.structs.replace(context, values=tuple(values_of(action, context.declaration)))
    origins = denotation.origins(action.verb, context)
    return msgspec.structs.replace(context, origins=origins) if origins else context


def _together(objections: Sequence[Decision], labels: dict[str, str]) -> Decision | None:
    """The first ask, with what the others ask as well: an answer to one of them must not answer the rest unseen."""
    asks = [one for one in objections if one.verdict == "ask"]
    if not asks:
        return None
    needs = tuple(dict.fromkeys(need for one in asks for need in one.needs))
    return msgspec.structs.replace(asks[0], labels=labels, needs=needs, also=tuple(asks[1:]))


def _labels(context: Context) -> dict[str, str]:
    """Where several values share a path, one that the person did not denote speaks for all."""
    origins = sorted(context.origins, key=lambda one: not one.denoted)
    return {one.path: one.label for one in origins}
