"""``meshclaw mail connect | accounts | disconnect``: which mailboxes there are, and where their secrets lie."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from meshclaw.cli import screen
from meshclaw.flow.placement import INBOX
from meshclaw.settings.accounts import Account
from meshclaw.wiring import Claw, open_claw


@click.command()
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


@click.command()
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


@click.command()
@click.argument("address")
def disconnect(address: str) -> None:
    """Forget a connected mailbox.

    The mailbox itself and the ledger stay as they are.
    """
    with open_claw() as claw:
        claw.accounts.remove(address)
    screen.words(f"Disconnected {address}.")
