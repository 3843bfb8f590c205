"""Whether approvals are read: how long answers take, how many are a yes, and what became of canaries.

Approving whatever is asked makes asking worthless, so this is measured; for the person alone, on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from meshclaw.flow.approval import Approval
from meshclaw.flow.event.approval import ApprovalAnswered
from meshclaw.outcomes.count import Share, share_of

QUICK_MS = 2_000
"""Nobody reads an action, its target and its text in less."""
ENOUGH = 10
"""Answers below which nothing is said about habits."""
NEARLY_ALL = 0.95


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """The asks of one rule, or of all; canaries apart."""

    rule: str
    open: int
    allowed: Share
    """Of those that the person answered."""
    denied: Share
    expired: int
    withdrawn: int
    median_ms: float | None
    """From being shown to the answer, or from the ask where nobody measured the showing."""
    quick: Share
    """Answered within ``QUICK_MS``."""


class Canaries(msgspec.Struct, frozen=True, kw_only=True):
    open: int
    caught: Share
    """Refused, of those that were answered."""
    missed: int
    ignored: int
    """Ran out without an answer: nothing happened, and nothing was learned."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    all: Rule
    rules: list[Rule]
    canaries: Canaries
    warnings: list[str]


def health(approvals: Iterable[Approval], answers: Iterable[ApprovalAnswered]) -> Health:
    took = {event.approval: _took(event) for event in answers if event.answer != "withdrawn"}
    known = list(approvals)
    real = [one for one in known if not one.canary]
    names = sorted({one.rule for one in real})
    whole = _rule("all", real, took)
    canaries = _canaries([one for one in known if one.canary])
    return Health(
        all=whole, rules=[_rule(name, [one for one in real if one.rule == name], took) for name in names],
        canaries=canaries, warnings=list(_warnings(whole, canaries)),
    )  # fmt: skip


def _took(event: ApprovalAnswered) -> int:
    return event.after_ms if event.read_ms is None else event.read_ms


def _rule(name: str, approvals: Sequence[Approval], took: dict[str, int]) -> Rule:
    times = [took[one.id] for one in approvals if one.id in took]
    yes = sum(one.answered_by is not None and one.state in ("allowed", "one_of_two") for one in approvals)
    no = sum(one.state == "denied" for one in approvals)
    return Rule(
        rule=name, open=_count(approvals, "open", "one_of_two"), expired=_count(approvals, "expired"),
        allowed=share_of(yes, yes + no), denied=share_of(no, yes + no), withdrawn=_count(approvals, "withdrawn"),
        median_ms=median(times) if times else None,
        quick=share_of(sum(time < QUICK_MS for time in times), len(times)),
    )  # fmt: skip


def _canaries(planted: Sequence[Approval]) -> Canaries:
    caught, missed = _count(planted, "denied"), _count(planted, "allowed", "one_of_two")
    return Canaries(
        open=_count(planted, "open"), caught=share_of(caught, caught + missed), missed=missed,
        ignored=_count(planted, "expired", "withdrawn"),
    )  # fmt: skip


def _count(approvals: Sequence[Approval], *states: str) -> int:
    return sum(one.state in states for one in approvals)


def _warnings(whole: Rule, canaries: Canaries) -> Iterable[str]:
    answered = whole.allowed.count + whole.denied.count
    nearly_all = whole.allowed.share is not None and whole.allowed.share > NEARLY_ALL
    quick = whole.median_ms is not None and whole.median_ms < QUICK_MS
    if answered >= ENOUGH and nearly_all and quick:
        yield (
            f"{whole.allowed.count} of {answered} asks were allowed, half of them within "
            f"{(whole.median_ms or 0) / 1000:.1f} s: such a yes stops nobody. Read the destination before each answer, "
            "or move the agent up where you would always say yes: meshclaw autonomy set"
        )
    if canaries.missed:
        of = canaries.caught.count + canaries.missed
        yield f"{canaries.missed} of {of} canaries were allowed; each one asked for something you should refuse."
