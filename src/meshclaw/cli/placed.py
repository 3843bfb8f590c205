"""``meshclaw mail why | undo``: one mail that was placed."""

from __future__ import annotations

import sys

import click

from meshclaw.cli import screen
from meshclaw.errors import NotFound
from meshclaw.flow.card import Card
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.mail import OutcomeObserved, PlacementMade
from meshclaw.flow.message import MAX_READ
from meshclaw.flow.placement import INBOX
from meshclaw.runs.run import Told, tell
from meshclaw.runs.triage import card_of
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import undo_run


@click.command()
@click.argument("id_", metavar="ID")
@screen.as_json
def why(id_: str, as_json: bool) -> None:
    """Why a mail was placed where it was.

    ID is the start of its id, as triage and the digest show it.
    """
    with open_claw() as claw:
        placed, card = _find(claw, id_)
        outcome = [e for e in claw.ledger.events(OutcomeObserved) if e.message == placed.message]
    if as_json:
        screen.data({"run": placed.run, "card": card, "outcome": outcome[-1].state if outcome else "pending"})
        return
    click.echo(f"{click.style(screen.clean(card.subject) or '(no subject)', bold=True)}")
    click.echo(
        f"  from {screen.clean(card.sender.name)} <{screen.clean(card.sender.address)}>, {screen.clean(card.source)}"
    )
    click.echo(f"\n{screen.clean(card.placement.why)}\n")
    for evidence in card.placement.evidence:
        click.echo(f"  {evidence.weight:+5.1f}  {evidence.signal:<22} {screen.clean(evidence.words)}")
    told = {evidence.signal for evidence in card.placement.evidence}
    for finding in (one for one in card.findings if one.kind not in told):
        click.echo(
            f"  {click.style('found', fg='yellow')}  {finding.kind:<22} {screen.clean(finding.detail)}"
        )
    click.echo(
        f"\n  Since then: {outcome[-1].state if outcome else 'nothing seen yet'}. Wrong? meshclaw mail undo {id_}"
    )


@click.command()
@click.argument("id_", metavar="ID")
@screen.dry_run
@screen.as_json
def undo(id_: str, dry_run: bool, as_json: bool) -> None:
    """Take one mail back, and learn from it."""
    with open_claw() as claw:
        placed, card = _find(claw, id_)
        decided = {e.external_id for e in claw.ledger.events(ActionDecided, run=placed.run)
                   if e.arguments.get("ref") == placed.ref}  # fmt: skip
        told = tell(claw.ledger, claw.contents, placed.run)
        undone = undo_run(claw, told, lambda item: item.decided.external_id in decided, dry_run=dry_run)
        if undone.undone and not dry_run and placed.folder != INBOX:
            _teach(claw, told, card)
    if as_json:
        screen.data({"undone": undone.undone, "failed": undone.failed})
    elif undone.undone:
        screen.words(
            "Would take it back." if dry_run else "Taken back; mails like it will rather stay in the inbox."
        )
    else:
        screen.words(
            "Nothing to take back" + "".join(f": {r.error}" for r in undone.results if r.error) + "."
        )
    sys.exit(1 if undone.failed else 0)


def _teach(claw: Claw, told: Told, card: Card) -> None:
    account = claw.accounts.get(told.run.subject)
    with claw.mailbox(account, changing=False) as mailbox:
        ref = mailbox.find(INBOX, message_id=card.message_id, digest=card.digest)
        if ref is not None:
            claw.lessons.learn(claw.parse(mailbox.read(INBOX, ref, MAX_READ), account), "reply")


def _find(claw: Claw, prefix: str) -> tuple[PlacementMade, Card]:
    matches = {e.message: e for e in claw.ledger.events(PlacementMade) if e.message.startswith(prefix)}
    if len(matches) != 1 or not prefix:
        count = "no mail has" if not matches else "several mails have"
        raise NotFound(f"{count} the id {prefix!r}", fix="The ids are in: meshclaw mail triage --json")
    [placed] = matches.values()
    return placed, card_of(claw.door(), placed)
