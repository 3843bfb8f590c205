"""Ceiling ∩ agent ∩ intent; the first that does not allow the verb is named."""

from __future__ import annotations

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, deny
from meshclaw.guard.context import Context

_WORDS = {
    "ceiling": "the ceiling of this machine does not let anything {effect} with {verb}",
    "agent": "this agent never asked for the right to {effect} with {verb}",
    "intent": "what was asked for does not call for {verb}",
}


def check(action: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or (layer := context.grant.refusing_layer(declaration)) is None:
        return None
    return deny(f"grant.{layer}", _WORDS[layer].format(verb=action.verb, effect=declaration.effect))
