"""What is ours to say about a call: what it cost, what it was for, and where its cost belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshclaw.flow.units import sha256_hex
from meshclaw.flow.usage import Link, Usage
from meshclaw.ledger.usage.rows import Judged
from meshclaw.ledger.usage.store import Judge
from meshclaw.llm.prices import price_of, version_of
from meshclaw.llm.sheet import Sheet
from meshclaw.readers.base import Reader
from meshclaw.usage.intents import EXPLORATION, declared, inferred

CELLS = ("linked", "reworked", "reverted", "open", "exploration", "abandoned", "unlinked")
"""Of the spend partition, in the order they are shown: every cost is in one of them."""
UNLINKED = "unlinked"
MOST_REMEMBERED = 20_000
Work = tuple[str, str, tuple[str, ...], tuple[str, ...]]
Labels = tuple[str, str, str, str]
"""Declared intent, inferred kind, both where they can be compared, and the cell."""
RULES = "2"
"""Version of what is below: another one labels every stored call anew."""


Placed = Mapping[tuple[str, str], str]
"""Cells of sessions whose commits are known, by tool and session."""


def placed(links: Iterable[Link]) -> Placed:
    """A session that worked in several repositories has the cell that comes first in ``CELLS``."""
    found: dict[tuple[str, str], str] = {}
    for link in sorted(links, key=lambda link: CELLS.index(link.cell)):
        found.setdefault((link.tool, link.session), link.cell)
    return found


def judge_of(readers: Iterable[Reader], sheet: Sheet | None, cells: Placed | None = None) -> Judge:
    """Prices with ``sheet`` over the public list; a vendor's sums count where no reader sees that tool's calls.

    A session's calls are all in its cell, but for declared exploration.
    """
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
        if cells and labels[-1] == UNLINKED:
            labels = *labels[:-1], cells.get((usage.tool, usage.session), UNLINKED)
        return Judged(price.nanos, price.known, *labels, is_counted)

    return judge


def version(sheet: Sheet | None, cells: Placed | None = None) -> str:
    """Of prices, labels and cells together."""
    linked = f", cells {sha256_hex(repr(sorted(cells.items())).encode())[:16]}" if cells else ""
    return f"{version_of(sheet)}, labels {RULES}{linked}"


def _labels(usage: Usage) -> Labels:
    intent = declared(usage)
    kind = inferred(usage.did, usage.files).kind
    both = f"{intent.kind} {kind}" if intent.kind else ""
    return intent.name, kind, both, "exploration" if intent.name == EXPLORATION else UNLINKED
