"""The digest: built from what the last runs placed, shown as text, page or data."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from meshclaw.agents.triage.digest import Digest, as_text, digest
from meshclaw.cli import screen
from meshclaw.cli.approvals import waiting
from meshclaw.errors import NotFound
from meshclaw.flow.event.mail import PlacementMade
from meshclaw.ledger.ledger import parse_timestamp
from meshclaw.runs.run import Told, tell, tell_last
from meshclaw.runs.triage import card_of
from meshclaw.wiring import Claw

SPAN = timedelta(hours=24)
"""What a morning digest looks back on."""
MOST = 1_000
"""Runs it looks through at most."""


def choose(claw: Claw, runs: Sequence[str]) -> list[Told]:
    """The named runs, or every triage of the last day that is not undone; else the last one there was."""
    if runs:
        return [tell(claw.ledger, claw.contents, run) for run in runs]
    triages = tell_last(claw.ledger, claw.contents, MOST, intent="mail.triage")
    if not triages:
        raise NotFound("nothing was triaged yet", fix="meshclaw mail triage ADDRESS")
    since = claw.ledger.now() - SPAN
    recent = [told for told in triages if parse_timestamp(told.started) >= since and told.state != "undone"]
    return recent or triages[-1:]


def build(claw: Claw, runs: Sequence[Told]) -> Digest:
    door = claw.door()
    placed = [event for told in runs for event in claw.ledger.events(PlacementMade, run=told.run.id)]
    working = {event.run for event in placed}
    return digest(
        [card_of(door, event) for event in placed],
        runs=[screen.short(told.run.id) for told in runs if told.run.id in working],
        made=claw.ledger.now(),
        approvals=[f"{one.words}  (meshclaw approvals allow {one.id})" for one in waiting(claw)],
    )


def show(made: Digest, *, html: Path | None, force: bool, as_json: bool) -> None:
    if html is not None:
        from meshclaw.pages import digest as pages

        screen.page(pages.page(made), html, force=force)
    if as_json:
        screen.data(made)
    elif html is None:
        width = min(shutil.get_terminal_size().columns, 100)
        click.echo(as_text(made, width, color=sys.stdout.isatty()), nl=False)
