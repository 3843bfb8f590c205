"""``meshclaw outcomes``: what became of what the claw did."""

from __future__ import annotations

import click

from meshclaw.cli import screen
from meshclaw.flow.event.mail import OutcomeObserved
from meshclaw.flow.placement import Category
from meshclaw.outcomes.count import count
from meshclaw.outcomes.mail import open_placements
from meshclaw.wiring import open_claw


@click.command("outcomes")
@screen.as_json
def command(as_json: bool) -> None:
    """Per category: what stood, was edited or was undone, with 95 % intervals.

    Only what you did settles anything: a mail you left for a week, moved, relabelled or answered. Mails that nothing
    happened to yet are pending, and count for nothing.
    """
    with open_claw() as claw:
        pending: list[Category] = [
            placed.placement.category for placed in open_placements(claw.ledger, claw.contents)
        ]
        rows = count(claw.ledger.events(OutcomeObserved), pending)
    if as_json:
        screen.data(rows)
        return
    screen.table(
        ("CATEGORY", "SETTLED", "STOOD", "EDITED", "UNDONE", "IGNORED", "PENDING"),
        [
            (
                row.category, str(row.settled), *map(screen.share, (row.stood, row.edited, row.undone)),
                str(row.ignored), str(row.pending),
            )
            for row in rows
        ],
        empty="Nothing to count yet: meshclaw mail triage",
    )  # fmt: skip
