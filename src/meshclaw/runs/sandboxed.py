"""What a command in a sandbox did, as events: labels and counts in clear, places in the content store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from secrets import token_hex
from typing import TypeVar

from meshclaw.flow.egress import EgressPass, EgressRefusal
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.sandbox import EgressPassed, EgressRefused, SandboxEnded
from meshclaw.guard.sandbox.process import Finished
from meshclaw.ledger.content import ContentStore

MOST = 100
"""Different facts of each kind: a command can make more than anybody would read."""
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", ""})

Fact = TypeVar("Fact", EgressRefusal, EgressPass)


def events_of(finished: Finished, contents: ContentStore) -> list[Event]:
    """How it ended, last, behind what it reached and what it did not; one durable write for the places."""
    refused, passed = _most(finished.refused), _most(finished.passed)
    places = [(one.host, one.port) for one, _ in refused if one.host]
    reached = [(one.host, one.port, one.address) for one, _ in passed]
    digests = iter(
        contents.put((token_hex(16), place) for place in (*places, *reached))
    )  # salted, as in ``seal``
    return [*_refused(refused, digests), *_passed(passed, digests), _ended(finished)]


def _most(facts: Iterable[Fact]) -> list[tuple[Fact, int]]:
    return list(islice(Counter(facts).items(), MOST))


def _refused(facts: Iterable[tuple[EgressRefusal, int]], digests: Iterator[str]) -> Iterator[Event]:
    for one, count in facts:
        place = next(digests) if one.host else ""
        yield EgressRefused(rule=one.rule, method=_method(one.method), place=place, count=count)


def _passed(facts: Iterable[tuple[EgressPass, int]], digests: Iterator[str]) -> Iterator[Event]:
    for one, count in facts:
        yield EgressPassed(method=_method(one.method), place=next(digests), secrets=one.secrets, count=count)


def _method(asked: str) -> str:
    return asked if asked in _METHODS else "other"


def _ended(finished: Finished) -> SandboxEnded:
    return SandboxEnded(
        code=finished.code, stopped=finished.stopped, sandboxed=finished.sandboxed, planted=finished.planted,
        refused=len(finished.refused), passed=len(finished.passed),
    )  # fmt: skip
