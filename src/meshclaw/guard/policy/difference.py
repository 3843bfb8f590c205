"""What changes between two policies, over a grid of cases: it finds differences, and proves nothing."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from meshclaw.flow.agent import Agent
from meshclaw.flow.autonomy import LADDER
from meshclaw.flow.decision import Verdict
from meshclaw.flow.declaration import Declaration
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.policies import Policies

MOST_CASES = 10_000
"""Of larger grids an even share is drawn, the same one each time."""
_NUMBER = re.compile(r"\b\d+\b")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """All cases of one agent and verb that change alike."""

    agent: str
    verb: str
    was: Verdict
    now: Verdict
    cases: int
    example: dict[str, object]
    """Of one such case, the fields that differ from the plainest case."""
    policies: tuple[str, ...]
    """Behind the new verdict of the example."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    tried: int
    changes: list[Change]


def compare(old: Policies, new: Policies, cases: Iterable[Case]) -> Difference:
    found: dict[tuple[str, str, Verdict, Verdict], list[Case]] = {}
    tried = 0
    for case in cases:
        tried += 1
        was, now = old.evaluate(case).verdict, new.evaluate(case).verdict
        if was != now:
            found.setdefault((case.agent, case.verb, was, now), []).append(case)
    return Difference(tried=tried, changes=[_change(new, key, like) for key, like in sorted(found.items())])


def _change(new: Policies, key: tuple[str, str, Verdict, Verdict], cases: list[Case]) -> Change:
    agent, verb, was, now = key
    plain = Case(verb=verb, agent=agent)
    example = min(cases, key=lambda case: len(case.differing(plain)))
    return Change(
        agent=agent, verb=verb, was=was, now=now, cases=len(cases), example=example.differing(plain),
        policies=new.evaluate(example).policies,
    )  # fmt: skip


def grid(
    declarations: Iterable[Declaration], agents: Iterable[Agent], texts: Iterable[str]
) -> Iterator[Case]:
    """Every agent and verb in circumstances of every kind, with the numbers and names that ``texts`` speak of."""
    values = _values("\n".join(texts))
    whos = [
        (agent, intent, one)
        for agent in agents
        for intent in sorted(agent.intents)
        for one in declarations
        if agent.rights.allow(one)
    ]
    share = max(1, MOST_CASES // max(1, len(whos)))
    for agent, intent, declared in whos:
        for circumstances in _drawn(values, share):
            fixed = {
                "verb": declared.verb, "agent": agent.name, "version": agent.version, "owner": agent.owner,
                "intent": intent, "reversible": declared.reversible,
            }  # fmt: skip
            yield msgspec.convert({**fixed, **circumstances}, Case)


def _drawn(values: dict[str, Sequence[object]], share: int) -> Iterator[dict[str, object]]:
    size = 1
    for one in values.values():
        size *= len(one)
    if size <= share:
        yield from (dict(zip(values, row, strict=True)) for row in itertools.product(*values.values()))
        return
    draw = random.Random(0)  # noqa: S311 - the same grid each time; nothing here is secret
    for name, several in values.items():  # each value at least once with everything else plain
        for value in several:
            yield {**{other: plain[0] for other, plain in values.items()}, name: value}
    for _ in range(share):
        yield {name: draw.choice(several) for name, several in values.items()}


def _values(text: str) -> dict[str, Sequence[object]]:
    """The plainest value of each field first."""
    numbers = sorted({near for found in _NUMBER.findall(text) for near in _around(int(found))})
    names = sorted(set(_STRING.findall(text)))
    hosts = [(name.lower(),) for name in names if "." in name and "@" not in name]
    words = [(name,) for name in names if name.isidentifier()]

    def within(low: int, high: int, plain: int) -> list[object]:
        return [plain, *(n for n in numbers if low <= n <= high and n != plain)]

    return {
        "external": [False, True], "domains": [(), ("elsewhere.example",), *hosts],
        "sensitivity": ["open", "internal", "secret"], "environments": [(), *words], "units": [(), *words],
        "unit": ["", *(name for (name,) in words)],
        "trust": ["person", "schedule", "outside"], "trigger": ["terminal", "schedule", "mail"],
        "level": list(LADDER), "tainted": [False, True], "amount": [None, *numbers], "budget_left": [None, *numbers],
        "hour": within(0, 23, 12), "weekday": within(1, 7, 3), "month": within(1, 12, 6), "day": within(1, 31, 15),
    }  # fmt: skip


def _around(number: int) -> Iterator[int]:
    yield from (near for near in (number - 1, number, number + 1) if 0 <= near < 2**63)
