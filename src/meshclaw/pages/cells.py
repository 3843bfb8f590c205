"""The spend partition as one bar: every cost in the one place that tells what became of the work."""

from __future__ import annotations

from collections.abc import Mapping

from meshclaw.pages.numbers import money, share
from meshclaw.pages.page import Figure, Key, Table
from meshclaw.pages.plot import TONES, Series, whole
from meshclaw.pages.svg import Caption

CELLS = {
    "linked": "linked to what still stands", "reworked": "reworked", "reverted": "reverted or undone",
    "open": "still open", "exploration": "declared exploration", "abandoned": "abandoned",
    "unlinked": "not linked to anything",
}  # fmt: skip
"""In words, by the cell of the spend partition."""
TONE_OF = {
    "linked": 3,
    "reworked": 2,
    "reverted": 5,
    "open": 1,
    "exploration": 4,
    "abandoned": 7,
    "unlinked": TONES,
}
NOTHING = "Nothing cost anything."


def partition(micros: Mapping[str, int], answer: str) -> Figure:
    """``micros`` by cell, empty ones as well."""
    cost = sum(micros.values())
    parts = [Series(name=CELLS[cell], values=[part], tone=TONE_OF[cell]) for cell, part in micros.items()]
    empty = [part.name for part in parts if not part.total]
    of = Caption(id="partition", title="The cost, by what became of the work", told=answer)
    return Figure(
        id=of.id, title=of.title, svg=whole(of, parts, money), empty=NOTHING,
        keys=[
            Key(tone=f"tone{part.tone}", name=part.name, value=f"{money(part.total)}, {share(part.total, cost)}")
            for part in parts
            if part.total
        ],
        note=f"Empty: {', '.join(empty)}." if empty else "",
        table=Table(
            heads=("Place", "Cost", "Share"),
            rows=[
                *((part.name, money(part.total), share(part.total, cost)) for part in parts),
                ("together", money(cost), share(cost, cost)),
            ],
        ),
    )  # fmt: skip


def most(micros: Mapping[str, int]) -> str:
    cost = sum(micros.values())
    if not cost:
        return NOTHING
    cell = max(micros, key=lambda cell: micros[cell])
    return f"{'All' if micros[cell] == cost else share(micros[cell], cost)} of it is {CELLS[cell]}."
