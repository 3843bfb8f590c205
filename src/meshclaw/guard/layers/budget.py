"""Budgets: no more than the limits allow, per run with its sub-agents, in any hour, in any day."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from meshclaw.flow.action import Action, leaves
from meshclaw.flow.cost import Cost, What
from meshclaw.flow.decision import Decision, ask, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.guard import text
from meshclaw.guard.context import Context
from meshclaw.guard.limits import SPANS, UNLIMITED, Limits
from meshclaw.guard.spent import Rolling, Spent, Tally

if TYPE_CHECKING:
    from decimal import Decimal

UNITS = {"usd": 1_000_000, "usd.cents": 10_000, "usd.micros": 1}
"""Micro-dollars in one; declared as the type of an ``amount``."""


class Uncountable(ValueError):
    """An amount that cannot be taken out of a budget."""


def check(action: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or declaration.verb != action.verb:
        return None
    try:
        cost = cost_of(action, declaration, context.spent.mark, context.directory.lists)
    except Uncountable as error:
        return deny("budget.amount", str(error))
    return (
        _too_deep(action, context)
        or _too_often(action, context)
        or over(cost, context.spent, context.limits)
        or _unpriced(action, context)
    )


def cost_of(
    action: Action, declaration: Declaration, mark: Callable[[str], str] = str,
    lists: Mapping[str, tuple[str, ...]] = {},
) -> Cost:  # fmt: skip
    """What ``action`` would use: of mailing lists their known members, too.

    Raises Uncountable for an amount of money that is not one.
    """
    effect = declaration.effect
    if effect == "read":
        return Cost(reads=1)
    is_change = effect in ("draft", "label", "write") and declaration.reversible
    return Cost(
        changes=int(is_change),
        calls=int(not is_change),
        deploys=_deployments(action, declaration) if effect == "deploy" else 0,
        money=sum(_micro_dollars(action, declaration)) if effect == "spend" else 0,
        recipients=_marks(_with_members(_recipients(action, declaration), lists), mark),
        files=_marks(_files(action, declaration), mark),
    )


def _micro_dollars(action: Action, declaration: Declaration) -> Iterator[int]:
    for name, argument in declaration.having("amount").items():
        if (value := action.arguments.get(name)) is None:
            continue
        for leaf in leaves(value):
            money = _counted(action, name, leaf, UNITS.get(argument.type, 1_000_000))
            yield money if argument.type in UNITS else 0  # what it comes to is not known: ``_unpriced`` asks


def _counted(action: Action, name: str, value: object, unit: int) -> int:
    """Exact: 19.99 dollars are 19,990,000 micro-dollars, not the binary fraction nearest to it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Uncountable(f"{action.verb} was given {name!r} that is not a number")
    money = value * unit if isinstance(value, int) else _exact(value) * unit
    if not 0 <= money <= UNLIMITED or money % 1:
        raise Uncountable(f"{action.verb} was given {name!r} that is no amount of money from 0 up")
    return int(money)


def _exact(value: float) -> Decimal:
    from decimal import Decimal  # loaded where something is spent, which most commands never do

    return Decimal(repr(value))


def _recipients(action: Action, declaration: Declaration) -> Iterator[str]:
    """Several in one text count each; a comma within one may count it twice, never less than once."""
    for name, argument in declaration.destinations.items():
        for leaf in leaves(action.arguments.get(name)):
            named = "" if leaf is None else str(leaf)
            yield from [named] if argument.type == "url" else re.split(r"[,;\n]", named)


def _with_members(recipients: Iterable[str], lists: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The list itself stands for those on it whom nobody knows."""
    for one in recipients:
        yield one
        if lists:
            yield from lists.get(text.address(one), ())


def _deployments(action: Action, declaration: Declaration) -> int:
    """One for each environment: all regions at once are no single deployment."""
    places = {
        str(leaf).strip().casefold()
        for name in declaration.typed("environment")
        for leaf in leaves(action.arguments.get(name))
        if leaf not in (None, "")
    }
    return max(1, len(places))


def _files(action: Action, declaration: Declaration) -> Iterator[str]:
    for name in declaration.files:
        yield from (str(leaf) for leaf in leaves(action.arguments.get(name)) if leaf)


def _marks(names: Iterator[str], mark: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(map(mark, sorted({name.strip().casefold() for name in names} - {""})))


def _too_deep(action: Action, context: Context) -> Decision | None:
    spent, limits = context.spent, context.limits.run
    if (depth := spent.depth(action.run)) > limits.depth:
        return deny(
            "budget.depth",
            f"it is a sub-agent {depth} levels below the run you started; {limits.depth} may be",
        )
    if (place := spent.place(action.run)) > limits.children:
        return deny(
            "budget.children",
            f"it is sub-agent number {place} of the run that started it; {limits.children} may be",
        )
    return None


def _too_often(action: Action, context: Context) -> Decision | None:
    tries, limit = context.spent.tries(action.digest), context.limits.run.identical
    if tries < limit:
        return None
    return deny(
        "budget.identical", f"this run tried exactly this {tries} times already; the limit is {limit} times"
    )


def over(cost: Cost, spent: Spent, limits: Limits) -> Decision | None:
    """The denial by the first limit that ``cost`` would break; None where there is room for it."""
    for span in SPANS:
        tally, window = spent.of(span), limits.of(span)
        for what, more, limit in tally.over(cost, window):
            return deny(
                f"budget.{span}.{what}",
                f"the limit is {amount(what, limit)} {WORDS[what]} per {span}; {amount(what, tally.used(what))} "
                f"used, this needs {amount(what, more)} more; {_frees(tally, what)}",
            )
    return None


def _frees(tally: Tally, what: What) -> str:
    if not isinstance(tally, Rolling):
        return "a new run starts anew"
    minutes = math.ceil(tally.frees_in(what) / timedelta(minutes=1))
    return f"the first of it frees in {minutes} min"


WORDS: dict[What, str] = {
    "reads": "reads",
    "changes": "reversible changes",
    "calls": "calls that cannot just be taken back",
    "recipients": "recipients",
    "files": "changed files",
    "deploys": "deployments",
    "money": "of spending",
    "inference": "for answers of models",
}


def amount(what: str, number: int) -> str:
    """For people: money in dollars, rounded up to the cent."""
    return f"${-(-number // 10_000) / 100:,.2f}" if what in ("money", "inference") else f"{number:,}"


def _unpriced(action: Action, context: Context) -> Decision | None:
    """No amount, or one in a unit that cannot be counted: never taken for nothing."""
    declaration = context.declaration
    if declaration is None or declaration.effect != "spend":
        return None
    units = [
        argument.type
        for name, argument in declaration.having("amount").items()
        if action.arguments.get(name) is not None
    ]
    if units and all(unit in UNITS for unit in units):
        return None
    why = f"{declaration.words}: what it costs cannot be counted in dollars before it is done"
    nothing = any(context.limits.of(span).money == 0 for span in SPANS)
    return (
        deny("budget.unpriced", f"{why}, and nothing may be spent")
        if nothing
        else ask("budget.unpriced", why)
    )
