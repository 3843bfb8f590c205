"""``meshclaw demo``: the whole sentence on a mailbox that this project wrote, with real parts only."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.cli.approvals import waiting
from meshclaw.cli.digest import build
from meshclaw.runs.run import tell
from meshclaw.settings.accounts import Account
from meshclaw.settings.home import home
from meshclaw.wiring import Claw
from meshclaw.wiring.working import triage_mailbox, undo_run


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave out the undo at the end, to look around in what was done.")
def command(keep: bool) -> None:
    """A small mailbox is laid out, triaged, shown, verified, and put back as it was. No key, no network."""
    folder = home() / "demo"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    claw = Claw(folder)
    try:
        _play(claw, _lay_out(claw), keep=keep)
    finally:
        claw.close()


def _lay_out(claw: Claw) -> Account:
    from meshclaw.connectors.mail.mailbox.from_dir import lay_out
    from meshclaw.testing.demo_mail import SERVER, write_demo

    letters, maildir = claw.folder / "letters", claw.folder / "Mail"
    count = len(write_demo(letters, datetime.now(UTC)))
    lay_out(letters, maildir)
    account = Account(address=f"maildir:{maildir}", me=("ada@example.com",), trusted_host=SERVER)
    claw.accounts.put(account)
    _step(1, f"A mailbox of {count} mails, written for this demo, lies in {_short(maildir)}")
    return account


def _play(claw: Claw, account: Account, *, keep: bool) -> None:
    from meshclaw.agents.triage.digest import as_text

    with claw.mailbox(account) as mailbox:
        done = triage_mailbox(claw, account, mailbox)
    run = tell(claw.ledger, claw.contents, done.report.run)
    _step(2, f"Triaged under guard: {len(done.report.cards)} mails, no model, 0 tokens. The digest:")
    width = min(shutil.get_terminal_size().columns, 100) - 2
    text = as_text(build(claw, [run]), width, color=sys.stdout.isatty())
    click.echo("".join(f"  {line}\n" if line else "\n" for line in text.splitlines()))
    _step(3, "What leaves the machine waits for a word from you:")
    for one in waiting(claw):
        click.echo(f"  {one.id}  {one.words}\n")
    _step(4, "Every decision and receipt is in a signed, hash-chained ledger:")
    claw.ledger.sign_head()
    verdict = claw.ledger.verify()
    click.echo(f"  {verdict.events} events, {'all verified' if verdict.ok else verdict.reason}\n")
    if keep:
        _step(5, "Look around:")
    else:
        undone = undo_run(claw, run)
        _step(5, f"And all of it taken back: {undone.undone} undone, {undone.failed} failed. Look around:")
    for noun in ("run list", "ledger tail", "approvals list", "outcomes", "mail digest"):
        click.echo(f"  MESHCLAW_HOME={_short(claw.folder)} meshclaw {noun}")


def _step(number: int, text: str) -> None:
    click.echo(
        f"{click.style(f'{number}', fg='cyan', bold=True)}  {click.style(screen.clean(text), bold=True)}\n"
    )


def _short(path: Path) -> str:
    """With ~ where that is the person's own folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
