"""``meshclaw guard``: why, licence."""

from __future__ import annotations

import sys

import click

from meshclaw.cli import screen
from meshclaw.guard.layers.licence import licensed, needs_licence
from meshclaw.guard.request.wording import wording
from meshclaw.runs.run import tell
from meshclaw.runs.why import Again, again, find
from meshclaw.wiring import open_claw


@click.group("guard")
def command() -> None:
    """What stands between a model and the world."""


@command.command()
@click.argument("event")
@screen.as_json
def why(event: str, as_json: bool) -> None:
    """Show the decision EVENT (or the last one about an action) and decide it again from the same inputs.

    Exits 1 where the guard says something else now.
    """
    with open_claw() as claw:
        decided, place = find(claw.ledger, event)
        run = tell(claw.ledger, claw.contents, decided.run).run
        told = again(claw.ledger, claw.contents, run, decided, place)
    if as_json:
        screen.data({"event": decided, "decision": told.decision, "same": told.same})
    else:
        _tell(told)
    sys.exit(0 if told.same else 1)


def _tell(told: Again) -> None:
    was, now = told.decided, told.decision
    colour = {"allow": "green", "ask": "yellow", "deny": "red"}[was.verdict]
    click.echo(
        f"{click.style(was.verdict, fg=colour, bold=True)} {was.verb} by {was.agent}, {screen.when(was.ts)}"
    )
    click.echo(f"  rule      {was.rule}\n  because   {was.reason}")
    if was.policies:
        click.echo(f"  policies  {', '.join(was.policies)}")
    for argument, label in was.labels.items():
        click.echo(f"  {argument}: {label}")
    click.echo(f"  inputs    {was.inputs[:12]}")
    if told.same:
        click.echo("Decided again from the same inputs: the same.")
    else:
        click.echo(f"Decided again from the same inputs: {now.verdict} by {now.rule}, because {now.reason}.")


@command.command()
@click.argument("words")
@screen.as_json
def licence(words: str, as_json: bool) -> None:
    """Show which verbs the WORDS of a request ask for, and whom they name, before any of it is tried."""
    asked = wording(words)
    with open_claw() as claw:
        declared = [one for one in claw.declarations() if needs_licence(one)]
    rows = [(one.verb, one.words, "yes" if licensed(one, asked) else "no") for one in declared]
    if as_json:
        asked_for = sorted(verb for verb, _, yes in rows if yes == "yes")
        screen.data(
            {"asked_for": asked_for, "addresses": sorted(asked.addresses), "links": sorted(asked.links)}
        )
        return
    screen.table(
        ("VERB", "WHAT IT DOES", "ASKED FOR"), rows, empty="No connector does anything that needs asking."
    )
    for what, found in (("addresses", asked.addresses), ("links", asked.links)):
        if found:
            screen.words(f"It writes out these {what}: {', '.join(sorted(found))}")
