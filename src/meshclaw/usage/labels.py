"""What is ours to say about a call: what it cost, what it was for, and where its cost belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from meshclaw.flow.units import sha256_hex
from meshclaw.flow.usage import Link, Usage
from meshclaw.ledger.usage.contexts import Judge, Labels, Tariff
from meshclaw.llm.prices import prices, version_of
from meshclaw.readers.base import Reader
from meshclaw.usage.intents import EXPLORATION, declared_by, inferred

if TYPE_CHECKING:
    from meshclaw.llm.sheet import Sheet

CELLS = ("linked", "reworked", "reverted", "open", "exploration", "abandoned", "unlinked")
"""Of the spend partition, in the order they are shown: every cost is in one of them."""
UNLINKED = "unlinked"
MOST_REMEMBERED = 20_000
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


class _Judge:
    def __init__(self, sums_only: frozenset[str], sheet: Sheet | None, cells: Placed) -> None:
        self._sums_only = sums_only
        self._sheet = sheet
        self._cells = cells
        self._kind = lru_cache(MOST_REMEMBERED)(_kind)
        self._declared = lru_cache(MOST_REMEMBERED)(declared_by)

    def label(self, usage: Usage) -> Labels:
        intent, kind = self._declared(usage.declared, usage.branch), self._kind(usage.did, usage.files)
        both = f"{intent.kind} {kind}" if intent.kind else ""
        is_explored = intent.name == EXPLORATION
        cell = "exploration" if is_explored else self._cells.get((usage.tool, usage.session), UNLINKED)
        is_counted = usage.evidence != "invoice" or usage.tool in self._sums_only
        return Labels(intent.name, kind, both, cell, is_counted)

    def tariff(self, usage: Usage) -> Tariff:
        return prices().tariff(usage, self._sheet)


def _kind(did: tuple[str, ...], files: tuple[str, ...]) -> str:
    return inferred(did, files).kind


def judge_of(readers: Iterable[Reader], sheet: Sheet | None, cells: Placed | None = None) -> Judge:
    """Prices with ``sheet`` over the public list; a vendor's sums count where no reader sees that tool's calls.

    A session's calls are all in its cell, but for declared exploration.
    """
    sources = [reader.source for reader in readers]
    sums_only = [source.tool for source in sources if source.evidence == "invoice" and source.is_counted]
    return _Judge(frozenset(sums_only), sheet, cells or {})


def version(sheet: Sheet | None, cells: Placed | None = None) -> str:
    """Of prices, labels and cells together."""
    linked = f", cells {sha256_hex(repr(sorted(cells.items())).encode())[:16]}" if cells else ""
    return f"{version_of(sheet)}, labels {RULES}{linked}"
