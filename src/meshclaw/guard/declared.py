"""First layer: the verb is declared, and the arguments are those of its declaration."""

from __future__ import annotations

import math

from meshclaw.flow.action import Action, leaves
from meshclaw.flow.decision import Decision, deny
from meshclaw.guard.context import Context


def check(action: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or declaration.verb != action.verb:
        return deny(
            "declaration",
            "no connector declares this verb, so nothing is known about its effect",
            question=f"There is no {action.verb!r}.",
        )
    takes = sorted({name.partition(".")[0] for name in declaration.arguments})
    missing = {
        name
        for name, argument in declaration.arguments.items()
        if argument.required and "." not in name and name not in action.arguments
    }
    if odd := missing | (action.arguments.keys() - set(takes)):
        return deny(
            "arguments",
            f"{action.verb} takes {takes}, and this is not what it was given",
            question=f"{sorted(odd)} do not fit its declaration.",
        )
    if any(isinstance(leaf, float) and not math.isfinite(leaf) for leaf in leaves(action.arguments)):
        return deny("arguments", f"{action.verb} was given a number that is not one")
    if any(isinstance(leaf, str) and not _is_text(leaf) for leaf in leaves(action.arguments)):
        return deny("arguments", f"{action.verb} was given text that no encoding can carry")
    return None


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
