"""``meshclaw stop``: the kill switch of one person's claw."""

from __future__ import annotations

import click

from meshclaw.cli import screen
from meshclaw.errors import MeshClawError
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import ClawStopped, StopLifted
from meshclaw.guard.layers import stop
from meshclaw.settings.home import home
from meshclaw.wiring import open_claw


@click.command("stop")
@click.option("--reason", default="", help="Why, for whoever finds it stopped.")
@click.option("--lift", is_flag=True, help="Let the claw go on.")
@screen.dry_run
def command(reason: str, lift: bool, dry_run: bool) -> None:
    """Stop everything the claw does, now: work under way ends after the step it is in, undo and approvals included.

    What a stop leaves half done is looked up and finished by: meshclaw run resume
    """
    if dry_run:
        screen.words("Would let the claw go on." if lift else "Would stop the claw.")
    elif lift:
        let_go_on()
        screen.words("The claw may go on.")
    else:
        pull(reason)
        screen.words("Stopped: nothing is done until: meshclaw stop --lift")


def pull(reason: str) -> None:
    folder = home()
    found = stop.read(folder)
    stop.put(folder, reason)  # before anything that may fail
    if found is None or found.by == "fleet":
        _record(ClawStopped())


def let_go_on() -> None:
    folder = home()
    was_ms = stop.age_ms(folder)
    stop.lift(folder)
    _record(StopLifted(after_ms=was_ms))


def _record(event: Event) -> None:
    """A broken ledger or policy must not stand in the way of a stop."""
    try:
        with open_claw(limited=False) as claw:
            claw.ledger.record(event)
    except MeshClawError as error:
        screen.words(f"This could not be written into the ledger: {error.message}")
