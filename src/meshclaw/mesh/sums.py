"""What a day of one person's work comes to: the ledger's events and the calls of AI tools as facts."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from secrets import token_hex

import msgspec

from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalPlanted
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.mail import OutcomeObserved
from meshclaw.flow.event.run import RunCancelled, RunFailed, RunFinished
from meshclaw.flow.fact import Fact, Kind, quarter_of
from meshclaw.ledger.usage.store import DayCalls

TOLD = (
    RunFinished,
    RunFailed,
    RunCancelled,
    ActionDecided,
    ApprovalAnswered,
    ApprovalPlanted,
    OutcomeObserved,
)
"""The kinds of events that facts are made of."""
HASTY_MS = 2_000
TOKENS = (
    "input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "tool_calls",
)  # fmt: skip
OWN = "own"
"""In the place of the name of an agent that its person wrote: it could tell who they are."""
_ENDS = {RunFinished: "done", RunFailed: "failed", RunCancelled: "cancelled"}


class Key(msgspec.Struct, frozen=True):
    """What facts of one kind differ in; facts that do not are added up."""

    kind: Kind
    day: str
    names: tuple[tuple[str, str], ...]


Sums = Counter[tuple[Key, str]]
"""Numbers by key and field."""


def pseudonym(person_key: bytes, day: date) -> str:
    """HMAC-SHA256 (RFC 2104) over the quarter, its first 32 hex digits."""
    return hmac.digest(person_key, quarter_of(day).encode(), "sha256").hex()[:32]


def of_events(events: Iterable[Event], shared: frozenset[str]) -> Sums:
    """``shared``: names of agents that a company knows; every other one is the person's own."""
    sums: Sums = Counter()
    planted: set[str] = set()
    for event in events:
        names = {"intent": event.intent, "agent": _agent(event.agent, shared)}
        match event:
            case RunFinished() | RunFailed() | RunCancelled():
                _add(sums, "worked", event, {**names, "outcome": _ENDS[type(event)]})
            case ActionDecided():
                more = {"effect": event.effect, "verdict": event.verdict, "rule": event.rule}
                _add(sums, "decided", event, {**names, **more})
            case ApprovalPlanted():
                planted.add(event.approval)
            case ApprovalAnswered() if event.approval not in planted:  # canaries are nobody else's business
                hasty = event.read_ms is not None and event.read_ms < HASTY_MS
                _add(sums, "answered", event, {**names, "verdict": event.answer}, hasty=int(hasty))
            case OutcomeObserved() if event.state != "pending":
                _add(sums, "settled", event, {**names, "outcome": event.state})
            case _:
                pass
    return sums


def of_calls(calls: Iterable[DayCalls]) -> Sums:
    sums: Sums = Counter()
    for one in calls:
        names = {"tool": one.tool, "model": one.model, "intent": one.intent, "cell": one.cell}
        key = Key("used", one.day, tuple((name, _plain(value)) for name, value in names.items() if value))
        sums[key, "count"] += one.amounts.calls
        sums[key, "cost_micros"] += one.amounts.nanos // 1_000
        for name in TOKENS:
            sums[key, name] += getattr(one.amounts, name)
    return sums


def facts(sums: Mapping[tuple[Key, str], int], person_key: bytes) -> Iterator[Fact]:
    """In the order of their days; each with an id of its own."""
    by_key: dict[Key, dict[str, int]] = {}
    for (key, field), number in sums.items():
        by_key.setdefault(key, {})[field] = number
    for key in sorted(by_key, key=lambda key: (key.day, key.kind, key.names)):
        numbers = by_key[key]
        if any(numbers.values()):
            who = pseudonym(person_key, date.fromisoformat(key.day))
            yield msgspec.convert(
                {
                    "id": token_hex(16),
                    "kind": key.kind,
                    "who": who,
                    "day": key.day,
                    **dict(key.names),
                    **numbers,
                },
                Fact,
            )


def _add(sums: Sums, kind: Kind, event: Event, names: Mapping[str, str], **numbers: int) -> None:
    key = Key(kind, event.ts[:10], tuple((name, value) for name, value in names.items() if value))
    for name, number in (("count", 1), *numbers.items()):
        sums[key, name] += number


def _agent(label: str, shared: frozenset[str]) -> str:
    name = label.partition("@")[0]
    return name if not name or name in shared else OWN


def _plain(text: str) -> str:
    """As a fact may hold it: printable ASCII without blanks, 100 characters at most."""
    return "".join(char if "!" <= char <= "~" else "_" for char in text)[:100]
