"""Which policies speak to a case, which decide it, and what would have to be otherwise."""

from __future__ import annotations

from typing import Literal

import msgspec

from meshclaw.flow.decision import Decision
from meshclaw.guard.policy import text as places
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.policies import Policies
from meshclaw.guard.policy.source import Rule, Source

State = Literal["holds", "condition", "elsewhere"]
"""It holds; its scope fits and its condition does not; its scope is another."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    id: str
    line: int
    effect: Literal["permit", "forbid"]
    state: State
    condition: str
    """As it stands in the file; empty where it has none."""
    ask: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    decision: Decision
    lines: list[Line]
    needed: list[str]
    """What would have to be otherwise for an allow, one step a line."""


def explain(policies: Policies, case: Case) -> Explained:
    decision = policies.evaluate(case)
    lines = [
        _line(policies, case, source, rule) for source in policies.sources for rule in source.rules.values()
    ]
    return Explained(decision=decision, lines=lines, needed=list(_needed(policies, lines)))


def _line(policies: Policies, case: Case, source: Source, rule: Rule) -> Line:
    scope, condition = _split(rule.text)
    if policies.holds(rule.text, case):
        state: State = "holds"
    elif policies.holds(scope, case):
        state = "condition"
    else:
        state = "elsewhere"
    return Line(
        source=source.name, id=rule.id, line=rule.line, effect=rule.effect, state=state, condition=condition,
        ask=rule.ask,
    )  # fmt: skip


def _split(policy: str) -> tuple[str, str]:
    """Scope, as a policy of its own, and conditions."""
    [statement] = places.statements(policy)
    depth = 0
    for offset, word in statement.tokens:
        depth += (word in "([{") - (word in ")]}")
        if depth == 0 and word in ("when", "unless"):
            return policy[:offset] + ";", policy[offset:].removesuffix(";")
    return policy, ""


def _needed(policies: Policies, lines: list[Line]) -> list[str]:
    needed: list[str] = []
    for source in policies.sources:
        mine = [line for line in lines if line.source == source.name]
        for line in mine:
            if line.effect == "forbid" and line.state == "holds":
                needed.append(f"{source.name}:{line.id} must not hold: {line.condition or 'it always does'}")
            if line.ask and line.state == "holds":
                needed.append(f"somebody's word ({line.ask}), as {source.name}:{line.id} asks")
        permits = [line for line in mine if line.effect == "permit"]
        if not any(line.state == "holds" for line in permits):
            near = [f"{line.id} {line.condition}" for line in permits if line.state == "condition"]
            needed.append(f"a permit in the {source.name} policy; nearest: {'; or '.join(near) or 'none'}")
    return needed
