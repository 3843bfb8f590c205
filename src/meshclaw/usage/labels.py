"""What is ours to say about a call: what it cost, what it was for, and where its cost belongs."""

from __future__ import annotations

from collections.abc import Iterable

from meshclaw.flow.usage import Usage
from meshclaw.ledger.usage.rows import Judged
from meshclaw.ledger.usage.store import Judge
from meshclaw.llm.prices import price_of, version_of
from meshclaw.llm.sheet import Sheet
from meshclaw.readers.base import Reader
from meshclaw.usage.intents import EXPLORATION, declared, inferred

CELLS = ("linked", "reworked", "reverted", "open", "exploration", "abandoned", "unlinked")
"""Of the spend partition, in the order they are shown: every cost is in one of them."""
MOST_REMEMBERED = 20_000
Work = tuple[str, str, tuple[str, ...], tuple[str, ...]]
Labels = tuple[str, str, str, str]
"""Declared intent, inferred kind, both where they can be compared, and the cell."""
RULES = "2"
"""Version of what is below: another one labels every stored call anew."""


def judge_of(readers: Iterable[Reader], sheet: Sheet | None) -> Judge:
    """Prices with ``sheet`` over the public list; a vendor's sums count where no reader sees that tool's calls."""
    sources = [reader.source for reader in readers]
    sums_only = {source.tool for source in sources if source.evidence == "invoice" and source.is_counted}
    known: dict[Work, Labels] = {}

    def judge(usage: Usage) -> Judged:
        price = price_of(usage, sheet)
        work = (usage.declared, usage.branch, usage.did, usage.files)
        labels = known.get(work)
        if labels is None:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            labels = known[work] = _labels(usage)
        is_counted = usage.evidence != "invoice" or usage.tool in sums_only
        return Judged(price.nanos, price.known, *labels, is_counted)

    return judge


def version(sheet: Sheet | None) -> str:
    """Of prices and labels together."""
    return f"{version_of(sheet)}, labels {RULES}"


def _labels(usage: Usage) -> Labels:
    """Changes and actions are not linked to calls yet: all but declared exploration is unlinked."""
    intent = declared(usage)
    kind = inferred(usage.did, usage.files).kind
    both = f"{intent.kind} {kind}" if intent.kind else ""
    return intent.name, kind, both, "exploration" if intent.name == EXPLORATION else "unlinked"
