"""Allow, ask or deny one action. Nothing matched means deny; an error in here means deny."""

from __future__ import annotations

from datetime import datetime

import msgspec

from meshclaw.flow.action import Action, Declaration
from meshclaw.flow.approval import Approval
from meshclaw.flow.autonomy import Level
from meshclaw.flow.decision import Decision
from meshclaw.flow.grant import Grant


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision may depend on."""

    declaration: Declaration | None
    """What the connector declares about this verb; None where it declares nothing."""
    grant: Grant
    level: Level
    """Where this agent stands on the ladder for this verb."""
    approval: Approval | None = None
    """A person's answer to exactly this action of this run, if there is one."""
    now: datetime
    by_person: bool = False
    """The person typed this very action themselves, in a terminal."""


def decide(action: Action, context: Context) -> Decision:
    """The guard's word on ``action``, with the rule that decided and a reason for the person."""
    declaration = context.declaration
    if declaration is None or declaration.verb != action.verb:
        return _deny(
            "declaration", f"no connector declares {action.verb!r}, so nothing is known about its effect"
        )
    if (problem := _argument_problem(action, declaration)) is not None:
        return _deny("arguments", problem)
    if (layer := context.grant.refusing_layer(declaration)) is not None:
        return _deny(
            f"grant.{layer}", _LAYER_WORDS[layer].format(verb=action.verb, effect=declaration.effect)
        )
    if context.approval is not None:
        return _approved(action, context.approval, context.now)
    return _by_autonomy(declaration, context)


_LAYER_WORDS = {
    "ceiling": "the ceiling of this machine does not let anything {effect} with {verb}",
    "policy": "the policy does not allow {verb}",
    "agent": "this agent never asked for the right to {effect} with {verb}",
    "intent": "what was asked for does not call for {verb}",
}


def _argument_problem(action: Action, declaration: Declaration) -> str | None:
    given, declared = set(action.arguments), set(declaration.arguments)
    if given == declared:
        return None
    odd = sorted(given ^ declared)
    return f"{action.verb} takes exactly {sorted(declared)}; {odd} do not fit its declaration"


def _approved(action: Action, approval: Approval, now: datetime) -> Decision:
    if approval.digest != action.digest or approval.run != action.run:
        return _deny("approval.other", "the approval is for another action than this one")
    if approval.state == "withdrawn":
        return _deny("approval.withdrawn", "its run was cancelled or undone")
    if approval.state == "denied":
        return _deny("approval.denied", "you said no to this")
    if approval.state != "allowed" or now >= approval.expires:
        return _deny("approval.expired", "the approval ran out before it was used")
    return Decision(verdict="allow", rule="approval", reason="you allowed exactly this")


def _by_autonomy(declaration: Declaration, context: Context) -> Decision:
    effect, level = declaration.effect, context.level
    rule = f"autonomy.{level}"
    if effect in ("read", "draft"):
        return Decision(
            verdict="allow", rule=f"effect.{effect}", reason="it changes nothing for anybody else"
        )
    if context.by_person and declaration.reversible:
        return Decision(
            verdict="allow", rule="person", reason="you asked for exactly this, and it can be taken back"
        )
    if level == "autonomous" or (level == "act_with_undo" and declaration.reversible):
        return Decision(
            verdict="allow", rule=rule, reason="this agent may do this alone, and it can be taken back"
        )
    return Decision(
        verdict="ask",
        rule=rule,
        needs=("approval",),
        reason=f"{declaration.words}: its effect is {effect!r}, and the agent stands at {level!r} for this",
    )


def _deny(rule: str, reason: str) -> Decision:
    return Decision(verdict="deny", rule=rule, reason=reason)
