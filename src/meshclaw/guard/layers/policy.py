"""The policies of the company and of the person, asked about this action in these circumstances."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from meshclaw.flow.action import Action, Value, leaves
from meshclaw.flow.decision import Decision
from meshclaw.flow.declaration import Declaration, Role, Secrecy
from meshclaw.guard.context import Context
from meshclaw.guard.layers.budget import UNITS
from meshclaw.guard.limits import SPANS
from meshclaw.guard.policy.case import Case

UNREADABLE = "?"
"""Stands for the host of a destination that cannot be read; no policy names it, and it is external."""
DOLLAR = 1_000_000
"""Micro-dollars; also what one counts as of a unit nobody knows."""
MOST = 2**63 - 1
"""The largest sum Cedar knows: what an amount counts as that is none."""


def check(action: Action, context: Context) -> Decision | None:
    """An allow is no objection; it carries the ids of the policies that permit."""
    if context.declaration is None:
        return None
    return context.policies.decide(case_of(action, context.declaration, context))


def case_of(action: Action, declaration: Declaration, context: Context) -> Case:
    person, agent, request, now = context.person, context.agent, context.request, context.now
    reached = list(_destinations(action, declaration))
    tainted = context.tainted or context.history.tainted or request.trust == "outside"
    return Case(
        verb=declaration.verb, person=person.login, unit=person.unit, agent=agent.name, version=agent.version,
        owner=agent.owner, run=action.run, external=_is_external(reached, declaration, context),
        domains=tuple(sorted(set(map(host_of, reached)))), sensitivity=_sensitivity(action, declaration),
        environments=_named(action, declaration, "environment"), units=_named(action, declaration, "unit"),
        intent=request.intent, trigger=request.trigger, trust=request.trust, level=context.level,
        tainted=tainted, reversible=declaration.reversible,
        amount=_amount(action, declaration), budget_left=_budget_left(declaration, context),
        hour=now.hour, weekday=now.isoweekday(), month=now.month, day=now.day,
    )  # fmt: skip


def _arguments(action: Action, declaration: Declaration, role: Role) -> Iterator[tuple[str, Value]]:
    """Type and value of each argument with ``role``."""
    for name, argument in declaration.having(role).items():
        if (value := action.arguments.get(name)) is not None:
            yield argument.type, value


def _destinations(action: Action, declaration: Declaration) -> Iterator[object]:
    for type_, value in _arguments(action, declaration, "destination"):
        if type_ not in ("environment", "unit"):
            yield from (leaf for leaf in leaves(value) if leaf not in (None, ""))


def _is_external(reached: Sequence[object], declaration: Declaration, context: Context) -> bool:
    own, company = context.directory.own, context.person.company
    if not reached:
        return declaration.effect == "send"  # it goes somewhere, and nobody says where
    return not all(str(one).lower() in own or host_of(one) in company for one in reached)


@lru_cache(maxsize=1024)
def host_of(destination: object) -> str:
    """Of a plain address or an http(s) URL, lower case; anything else cannot be read."""
    text = str(destination)
    if not text.isascii() or not text.isprintable() or any(c in text for c in ' <>,;"\\'):
        return UNREADABLE
    if text.startswith(("http://", "https://")):
        try:
            host = urlsplit(text).hostname or ""
        except ValueError:
            return UNREADABLE
    else:
        local, at, host = text.partition("@")
        if not local or not at or "@" in host:
            return UNREADABLE
    host = host.lower().removesuffix(".")
    return host or UNREADABLE


def _sensitivity(action: Action, declaration: Declaration) -> Secrecy:
    """The most secret of what comes back, as declared; an argument that is a secret goes out as one."""
    if any(True for _ in _arguments(action, declaration, "secret")):
        return "secret"
    return declaration.secrecy


def _named(action: Action, declaration: Declaration, type_: str) -> tuple[str, ...]:
    """The values of all arguments of ``type_``, whatever their role."""
    values = {
        str(leaf).strip().lower()
        for name in declaration.typed(type_)
        for leaf in leaves(action.arguments.get(name))
        if leaf not in (None, "")
    }
    return tuple(sorted(values))


def _budget_left(declaration: Declaration, context: Context) -> int | None:
    """The least that run, hour and day leave; told to what spends only, so that other cases stay alike."""
    if declaration.effect != "spend":
        return None
    return max(0, min(context.limits.of(span).money - context.spent.of(span).used("money") for span in SPANS))


def _amount(action: Action, declaration: Declaration) -> int | None:
    """All amounts together in micro-dollars; one of another type counts as whole dollars, rounded up."""
    found = [
        _micro_dollars(type_, leaf)
        for type_, value in _arguments(action, declaration, "amount")
        for leaf in leaves(value)
    ]
    return min(sum(found), MOST) if found else None


def _micro_dollars(type_: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return MOST
    scale = UNITS.get(type_, DOLLAR)
    return min(-int(-abs(value) * scale // 1), MOST)
