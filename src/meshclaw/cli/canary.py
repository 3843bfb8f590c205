"""``meshclaw approvals canary``: asks that are there to be refused."""

from __future__ import annotations

import click

from meshclaw.cli import screen
from meshclaw.errors import UserError
from meshclaw.wiring import open_claw


@click.group()
def canary() -> None:
    """Asks that are there to be refused: do you still read them? Only you learn how it went."""


@canary.command()
@click.option("--account", default=None, metavar="ADDRESS", help="Which mailbox, if several are connected.")
def plant(account: str | None) -> None:
    """Put one among what waits for you; it looks like any other ask and can never be done."""
    from meshclaw.runs.canary import plant as planted

    with open_claw() as claw:
        mine = claw.account(account)
        if not mine.me:
            raise UserError(
                f"{mine.address!r} has no sender address, so no ask to send can look real",
                fix="meshclaw mail connect ADDRESS --me you@example.com",
            )
        planted(claw.ledger, claw.contents, subject=mine.address, sender=mine.me[0])
    screen.words("Planted. How it went, once you answered: meshclaw approvals health")
