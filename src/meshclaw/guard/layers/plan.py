"""Plan first: what a request allows is fixed before anything untrusted is read, and nothing read later adds to it.

The plan follows from the words and from what was declared at that moment. So a tool that turns up later is not in
it; and where the person wrote out whom to reach, somebody whom only later reading brought up is refused, not asked
about.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.plan import Plan
from meshclaw.guard.context import Context
from meshclaw.guard.layers.licence import is_licensed, needs_licence
from meshclaw.guard.request.wording import wording


def freeze(words: str, declarations: Iterable[Declaration]) -> Plan:
    asked = wording(words)
    written = {"address": asked.addresses, "url": asked.links}
    return Plan(
        verbs=frozenset(one.verb for one in declarations if _may_use(one, asked_for=is_licensed(one, asked))),
        written=frozenset(type_ for type_, values in written.items() if values),
    )


def _may_use(declaration: Declaration, *, asked_for: bool) -> bool:
    return asked_for or declaration.effect == "read" or not needs_licence(declaration)


def check(action: Action, context: Context) -> Decision | None:
    declaration, plan = context.declaration, context.plan
    if declaration is None or plan is None:
        return None
    if action.verb not in plan.verbs:
        return deny(
            "plan.verb", f"{action.verb} was not in the plan when the first text by strangers was read"
        )
    if declaration.effect == "read":  # a look at a link is judged by where the link comes from
        return None
    for one in context.origins:
        argument = declaration.argument(one.path)
        is_addressee = (
            argument is not None and argument.role == "destination" and argument.type in plan.written
        )
        if is_addressee and (not one.denoted or one.label == "named-page"):
            return deny("plan.target", f"{one.path}: you wrote out whom to reach, and this is none of them")
    return None
