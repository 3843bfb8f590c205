"""``meshclaw mail``: connect, triage, digest, why, undo, and the single things a person asks for."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.cli.working import Progress, Triaged, silent, triage_mailbox, undo_run
from meshclaw.cli.writing import draft, send, unsubscribe
from meshclaw.errors import NotFound
from meshclaw.flow.card import Card
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.mail import OutcomeObserved, PlacementMade
from meshclaw.flow.message import MAX_READ
from meshclaw.flow.placement import CATEGORIES, INBOX
from meshclaw.flow.units import new_id
from meshclaw.runs.run import Told, tell
from meshclaw.runs.triage import card_of
from meshclaw.settings.accounts import Account
from meshclaw.wiring import Claw, open_claw

SHOWN = 5
"""Mails of a category that are listed; the digest has them all."""


@click.group("mail")
def command() -> None:
    """Your mail: sorted while you sleep, nothing deleted, all of it reversible."""


# -- connecting --------------------------------------------------------------------------


@command.command()
@click.argument("address")
@click.option(
    "--me", multiple=True, metavar="MAIL", help="An address of yours; give all of them. The first one sends."
)
@click.option("--trusted-host", default="", help="The authserv-id your own mail server writes (RFC 8601).")
@click.option("--dns", is_flag=True, help="Ask the DNS for DKIM keys, so that signatures are checked here.")
@click.option("--smtp", default="", metavar="URL", help="How to send: smtps://user@host.")
@click.option(
    "--secret-file", default="", type=click.Path(), help="A file with the password, readable by you only."
)
@click.option("--secret-stdin", is_flag=True, help="Read the password from standard input into the keyring.")
@screen.dry_run
def connect(
    address: str,
    me: tuple[str, ...],
    trusted_host: str,
    dns: bool,
    smtp: str,
    secret_file: str,
    secret_stdin: bool,
    dry_run: bool,
) -> None:
    """Connect a mailbox, and see that it opens.

    ADDRESS is maildir:PATH, mbox:PATH or imaps://user@host.

    Without --secret-file or --secret-stdin, a server's password is asked for and kept in the system's keyring.
    """
    account = Account(
        address=address, me=tuple(one.lower() for one in me), trusted_host=trusted_host, dns=dns, smtp=smtp,
        secret_file=str(Path(secret_file).absolute()) if secret_file else "",
    )  # fmt: skip
    secrets = _ask_secrets(account, from_stdin=secret_stdin)
    opening = (lambda: secrets[address]) if address in secrets else None
    with open_claw() as claw:
        with claw.mailbox(account, changing=False, secret=opening) as mailbox:
            folders = mailbox.folders()
            count = sum(1 for _ in mailbox.entries(INBOX))
        if not dry_run:
            _keep(claw, account, secrets)
    screen.words(
        f"{'Would connect' if dry_run else 'Connected'} {address}: {count} mails, {len(folders)} folders."
    )
    if not me:
        screen.words("  Tell it who you are, so that it knows what is addressed to you: --me you@example.com")


def _ask_secrets(account: Account, *, from_stdin: bool) -> dict[str, str]:
    """By the address each belongs to; one line of standard input for each, or one question."""
    if account.secret_file:
        return {}
    keys = [key for key in (account.address, account.smtp) if key.startswith(("imap", "smtp"))]
    if from_stdin:
        return {key: sys.stdin.readline().rstrip("\r\n") for key in keys}
    return {key: click.prompt(f"Password for {key}", hide_input=True, err=True) for key in keys}


def _keep(claw: Claw, account: Account, secrets: dict[str, str]) -> None:
    """Only once the mailbox has opened with it is a password worth keeping."""
    from meshclaw.settings.secrets import to_keyring

    for key, secret in secrets.items():
        to_keyring(key, secret)
    claw.accounts.put(account)


@command.command()
@screen.as_json
def accounts(as_json: bool) -> None:
    """The connected mailboxes."""
    with open_claw() as claw:
        known = claw.accounts.all()
    if as_json:
        screen.data(known)
        return
    rows = [(a.address, ", ".join(a.me), a.smtp or "no", a.secret_file or "keyring") for a in known]
    screen.table(
        ("MAILBOX", "YOU", "SENDS", "SECRET FROM"), rows, empty="None yet: meshclaw mail connect ADDRESS"
    )


@command.command()
@click.argument("address")
def disconnect(address: str) -> None:
    """Forget a connected mailbox.

    The mailbox itself and the ledger stay as they are.
    """
    with open_claw() as claw:
        claw.accounts.remove(address)
    screen.words(f"Disconnected {address}.")


# -- triage ------------------------------------------------------------------------------


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


# -- looking back ------------------------------------------------------------------------


@command.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option(
    "--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write it as a page to FILE."
)
@screen.as_json
def digest(runs: tuple[str, ...], html: Path | None, as_json: bool) -> None:
    """What needs you, and what was filed.

    Of the last 24 hours, or of each RUN.
    """
    from meshclaw.cli.digest import build, choose, show

    with open_claw() as claw:
        show(build(claw, choose(claw, runs)), html=html, as_json=as_json)


@command.command()
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


@command.command()
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


for written in (draft, send, unsubscribe):
    command.add_command(written)
