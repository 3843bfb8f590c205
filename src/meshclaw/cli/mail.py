"""``meshclaw mail``: connect, triage, digest, why, undo, and the single things a person asks for."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.flow.card import Card
from meshclaw.flow.placement import CATEGORIES
from meshclaw.flow.units import new_id
from meshclaw.settings.accounts import Account
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import Progress, Triaged, silent, triage_mailbox

SHOWN = 5
"""Mails of a category that are listed; the digest has them all."""

ELSEWHERE = {
    "connect": "connecting", "accounts": "connecting", "disconnect": "connecting", "why": "placed", "undo": "placed",
    "archive": "writing", "draft": "writing", "send": "writing", "unsubscribe": "writing",
}  # fmt: skip
"""Verbs of other files, by file."""


class Verbs(click.Group):
    """A file is imported when one of its verbs is called: writing needs ``email``, which triage does without."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(
            importlib.import_module(f"meshclaw.cli.{ELSEWHERE[cmd_name]}"), cmd_name
        )
        return command


@click.group("mail", cls=Verbs)
def command() -> None:
    """Your mail: sorted while you sleep, nothing deleted, all of it reversible."""


@command.command()
@click.argument("address", required=False)
@click.option(
    "--from-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Triage a copy of the .eml files below DIR, laid out as a Maildir in the state folder.",
)
@click.option("--me", multiple=True, metavar="MAIL", help="An address of yours, for this time.")
@screen.dry_run
@screen.as_json
def triage(
    address: str | None, from_dir: Path | None, me: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Sort the inbox, with no model.

    Of ADDRESS, or of the one connected mailbox.

    What needs you stays and gets a label, what does not is filed, what looks dangerous is set aside.
    """
    if from_dir and address:
        raise click.UsageError("name a mailbox or --from-dir, not both")
    with open_claw() as claw:
        account, sources = _laid_out(claw, from_dir) if from_dir else (claw.account(address), {})
        if me:
            account = msgspec.structs.replace(account, me=tuple(one.lower() for one in me))
        with claw.mailbox(account) as mailbox, _progress() as progress:
            done = triage_mailbox(claw, account, mailbox, sources=sources, progress=progress, dry_run=dry_run)
    if as_json:
        screen.data(_for_programs(done))
    else:
        _for_people(done, dry_run=dry_run)
    if done.report.failed:
        sys.exit(1)


def _laid_out(claw: Claw, source: Path) -> tuple[Account, dict[str, str]]:
    from meshclaw.connectors.mail.mailbox.from_dir import lay_out

    target = claw.folder / "mailboxes" / new_id()
    sources = lay_out(source, target)
    return Account(address=f"maildir:{target}"), sources


@contextmanager
def _progress() -> Generator[Progress]:
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=None)
        yield lambda done, all_: bar.update(task, completed=done, total=all_)


def _for_programs(done: Triaged) -> dict[str, object]:
    cards = done.report.cards
    categories = Counter(card.placement.category for card in cards)
    return {
        "run": done.report.run,
        "messages": len(cards),
        "tokens": 0,
        "categories": {category: categories[category] for category in CATEGORIES if categories[category]},
        "placements": [
            {
                "id": card.placement.message, "source": card.source, "category": card.placement.category,
                "folder": card.placement.folder, "why": card.placement.why,
            }
            for card in cards
        ],
        "approvals": done.report.approvals,
        "failed": [str(result.error) for result in done.report.failed],
        "observed": done.observed,
    }  # fmt: skip


def _for_people(done: Triaged, *, dry_run: bool) -> None:
    if done.resumed:
        screen.words(f"First finished {done.resumed} run(s) that had stopped in the middle.")
    if done.observed:
        told = ", ".join(f"{count} {state}" for state, count in sorted(done.observed.items()))
        screen.words(f"Seen of earlier placements: {told}.")
    cards = done.report.cards
    placed = f"{'Would place' if dry_run else 'Placed'} {len(cards)} new mails; no model, 0 tokens."
    click.echo(placed if cards else "Nothing new.")
    for category in CATEGORIES:
        _show_category([card for card in cards if card.placement.category == category])
    click.echo()
    _show_rest(done, changed=bool(cards) and not dry_run)


def _show_category(cards: list[Card]) -> None:
    if not cards:
        return
    placement = cards[0].placement
    click.echo(f"\n{click.style(placement.category, bold=True)} ({len(cards)}) → {placement.folder}")
    for card in cards[:SHOWN]:
        click.echo("  " + _line(card))
    if len(cards) > SHOWN:
        click.echo(f"  … and {len(cards) - SHOWN} more")


def _show_rest(done: Triaged, *, changed: bool) -> None:
    report, run = done.report, screen.short(done.report.run)
    for result in report.failed:
        screen.words(f"Failed: {result.action.verb}: {result.error}")
    if report.denied:
        screen.words(f"The guard denied {len(report.denied)} actions: meshclaw run show {run}")
    if report.approvals:
        screen.words(f"{len(report.approvals)} waiting for your word: meshclaw approvals list")
    if changed:
        screen.words("Why one of them:  meshclaw mail why ID")
        screen.words(f"Take it all back: meshclaw run undo {run}")


def _line(card: Card) -> str:
    sender = screen.clean(card.sender.name or card.sender.address or "nobody")
    return f"{click.style(card.placement.message[:8], fg='cyan')}  {sender[:24]:<24}  {screen.clean(card.subject)[:70]}"


@command.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@screen.as_page
@screen.as_json
def digest(runs: tuple[str, ...], html: Path | None, force: bool, as_json: bool) -> None:
    """What needs you, and what was filed.

    Of the last 24 hours, or of each RUN.
    """
    from meshclaw.cli.digest import build, choose, show

    with open_claw() as claw:
        show(build(claw, choose(claw, runs)), html=html, force=force, as_json=as_json)
