"""``meshclaw autonomy``: show, set."""

from __future__ import annotations

from typing import cast, get_args

import click

from meshclaw.cli import screen
from meshclaw.errors import UserError
from meshclaw.flow.autonomy import LADDER, Level
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.guard.layers.autonomy import Autonomy
from meshclaw.wiring import open_claw


@click.group("autonomy")
def command() -> None:
    """How far each agent may go alone: draft, one_tap, act_with_undo, autonomous.

    Only you move an agent up. Saying no to one of its approvals moves it down.
    """


@command.command()
@screen.as_json
def show(as_json: bool) -> None:
    """Each agent's level for each thing it may ask to do."""
    with open_claw() as claw:
        autonomy = Autonomy(claw.ledger.events(AutonomyChanged))
        rows = [
            {
                "agent": agent.label, "verb": declaration.verb, "effect": declaration.effect,
                "level": autonomy.level(agent.label, declaration), "words": declaration.words,
            }
            for agent in claw.agents()
            for declaration in claw.declared_for(agent)
            if agent.rights.allow(declaration)
        ]  # fmt: skip
    if as_json:
        screen.data(rows)
        return
    heads = ("agent", "verb", "effect", "level", "words")
    screen.table([h.upper() for h in heads], [[row[h] for h in heads] for row in rows], empty="No agent.")


@command.command("set")
@click.argument("agent")
@click.argument("verb")
@click.argument("level", type=click.Choice(get_args(Level)))
@screen.dry_run
def set_(agent: str, verb: str, level: str, dry_run: bool) -> None:
    """Put AGENT at LEVEL for VERB, as in: mail-triage mail.unsubscribe one_tap."""
    with open_claw() as claw:
        who = claw.agent(agent)
        declared = claw.declared_for(who)
        declaration = next((one for one in declared if one.verb == verb), None)
        if declaration is None:
            known = ", ".join(one.verb for one in declared)
            raise UserError(f"no connector declares {verb!r}", fix=f"Known: {known}")
        if not declaration.reversible and LADDER.index(cast("Level", level)) >= LADDER.index("act_with_undo"):
            screen.words(
                f"Take care: {verb} cannot be taken back, so act_with_undo still asks; autonomous does not."
            )
        if not dry_run:
            claw.ledger.record(
                AutonomyChanged(agent=who.label, verb=verb, level=cast("Level", level), by="person")
            )
    screen.words(f"{'Would put' if dry_run else 'Put'} {agent} at {level} for {verb}.")
