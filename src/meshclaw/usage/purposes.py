"""What the work of a period was for: declared and inferred beside each other, every cost in one line of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from meshclaw.ledger.usage.store import Work
from meshclaw.usage.intents import Agreement, agreement, declared_by, inferred
from meshclaw.usage.report import apportioned

MOST_EVIDENCE = 3


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    evidence: list[str]
    """By what it was declared, or what it was inferred from; the commonest first."""
    calls: int
    cost_usd_micros: int


class Purposes(msgspec.Struct, frozen=True, kw_only=True):
    declared: list[Purpose]
    inferred: list[Purpose]
    agreement: Agreement


def purposes(works: Iterable[Work]) -> Purposes:
    said, done = _Lines(), _Lines()
    pairs: Counter[tuple[str, str]] = Counter()
    for work in works:
        one, other = declared_by(work.declared, work.branch), inferred(work.did, work.files)
        said.add(one.name, one.evidence, work)
        done.add(other.kind, other.evidence, work)
        if one.kind:
            pairs[one.kind, other.kind] += work.calls
    return Purposes(
        declared=said.told(), inferred=done.told(),
        agreement=agreement((one, other, count) for (one, other), count in pairs.items()),
    )  # fmt: skip


class _Lines:
    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._nanos: Counter[str] = Counter()
        self._evidence: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, name: str, evidence: str, work: Work) -> None:
        self._calls[name] += work.calls
        self._nanos[name] += work.nanos
        if evidence:
            self._evidence[name][evidence] += work.calls

    def told(self) -> list[Purpose]:
        """Dearest first."""
        names = sorted(self._calls, key=lambda name: (-self._nanos[name], -self._calls[name], name))
        micros = apportioned([self._nanos[name] for name in names])
        return [
            Purpose(
                name=name, calls=self._calls[name], cost_usd_micros=cost,
                evidence=[evidence for evidence, _ in self._evidence[name].most_common(MOST_EVIDENCE)],
            )
            for name, cost in zip(names, micros, strict=True)
        ]  # fmt: skip
