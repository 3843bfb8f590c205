"""``meshclaw mail draft | send | unsubscribe | archive``: what leaves the machine is drafted first and asked for."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import click
import msgspec

from meshclaw.agents.builtin import MAIL_CLERK
from meshclaw.cli import screen
from meshclaw.connectors.mail.compose import compose
from meshclaw.connectors.mail.connector import DRAFTS, Read
from meshclaw.connectors.mail.mailbox.base import Entry
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.run import Run
from meshclaw.runs.act import Door
from meshclaw.runs.result import Result
from meshclaw.runs.run import start, working
from meshclaw.settings.accounts import Account
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw, mail, open_claw

in_folder = click.option("--folder", default="INBOX", show_default=True, help="Where the mail is.")
of_account = click.option(
    "--account", default=None, metavar="ADDRESS", help="Which mailbox, if several are connected."
)


@click.command()
@click.option(
    "--to", "to", multiple=True, required=True, metavar="MAIL", help="A recipient; give all of them."
)
@click.option("--subject", required=True)
@of_account
@screen.dry_run
def draft(to: tuple[str, ...], subject: str, account: str | None, dry_run: bool) -> None:
    """Put a mail into your drafts.

    Its text comes from standard input. Nothing is sent.
    """
    with open_claw() as claw:
        mine = _sender(claw, account)
        text = sys.stdin.read()
        if dry_run:
            click.echo(compose(mine.me[0], to, subject, text, id_="dry-run"), nl=False)
            return
        run = _start(claw, mine, "mail.write")
        raw = compose(mine.me[0], to, subject, text, id_=run.id)
        with claw.mailbox(mine) as mailbox, working(claw.ledger, run):
            door = claw.door(mail.place(claw, mailbox, mine), account=mine)
            result = _act(door, run, "mail.draft", {"raw": raw})
            if result.stand == "done":
                made = find(door, run, DRAFTS, link=result.receipt.link if result.receipt else "")
                screen.words(f"Drafted. To send it: meshclaw mail send {made.message.id[:8]}")
                return
    _tell(result)


@click.command()
@click.argument("draft_id", metavar="DRAFT")
@of_account
@screen.dry_run
def send(draft_id: str, account: str | None, dry_run: bool) -> None:
    """Ask to send a draft.

    DRAFT is the start of its id. It goes out when you allow exactly this.
    """
    with _one_mail(account, "mail.write", DRAFTS, draft_id) as (door, run, read):
        recipients = [address.address for address in (*read.message.to, *read.message.cc)]
        if dry_run:
            screen.words(
                f"Would ask to send {screen.clean(read.message.subject)!r} to {', '.join(recipients)}."
            )
            return
        result = _act(door, run, "mail.send", {**place(DRAFTS, read), "recipients": recipients})
    _tell(result)


@click.command()
@click.argument("id_", metavar="ID")
@in_folder
@of_account
@screen.dry_run
def unsubscribe(id_: str, folder: str, account: str | None, dry_run: bool) -> None:
    """Ask to leave a mailing list.

    The one that sent the mail ID, by RFC 8058 one-click, which its sender must have signed.
    """
    with _one_mail(account, "mail.unsubscribe", folder, id_) as (door, run, read):
        if not read.message.unsubscribe_covered:
            raise UserError(
                "this mail has no one-click unsubscribe that its sender signed",
                fix="Leave the list by hand; a link that nobody signed may lead anywhere.",
            )
        if dry_run:
            screen.words(f"Would ask to POST to {read.message.unsubscribe_url}.")
            return
        result = _act(
            door, run, "mail.unsubscribe", {**place(folder, read), "url": read.message.unsubscribe_url}
        )
    _tell(result)


@click.command()
@click.argument("id_", metavar="ID")
@in_folder
@of_account
@screen.dry_run
def archive(id_: str, folder: str, account: str | None, dry_run: bool) -> None:
    """Move one mail to your archive."""
    with _one_mail(account, "mail.file", folder, id_) as (door, run, read):
        if dry_run:
            screen.words(f"Would archive {screen.clean(read.message.subject)!r}.")
            return
        result = _act(door, run, "mail.archive", place(folder, read))
    _tell(result)
    screen.words(f"Take it back: meshclaw run undo {screen.short(run.id)}")


class OneMail(NamedTuple):
    door: Door
    run: Run
    read: Read


@contextmanager
def _one_mail(account: str | None, intent: str, folder: str, prefix: str) -> Generator[OneMail]:
    """A run about the one mail in ``folder`` whose id starts with ``prefix``."""
    with open_claw() as claw:
        mine = claw.account(account)
        run = _start(claw, mine, intent)
        with claw.mailbox(mine) as mailbox, working(claw.ledger, run):
            door = claw.door(mail.place(claw, mailbox, mine), account=mine)
            yield OneMail(door, run, find(door, run, folder, prefix))


def _act(door: Door, run: Run, verb: str, arguments: dict[str, Value]) -> Result:
    [result] = door.act(run, MAIL_CLERK, [Action(run=run.id, verb=verb, arguments=arguments)], by_person=True)
    return result


def find(door: Door, run: Run, folder: str, prefix: str = "", *, link: str = "") -> Read:
    """The one mail in ``folder`` whose id starts with ``prefix``, or that a receipt's ``link`` names."""
    refs = [link.rpartition("/")[2]] if link else _refs(door, run, folder)
    arguments: dict[str, Value] = {"folder": folder, "refs": refs}
    result = _act(door, run, "mail.read", arguments)
    reads: list[Read] = list(result.brought())  # pyright: ignore[reportArgumentType, reportUnknownVariableType]
    matches = [read for read in reads if link or (prefix and read.message.id.startswith(prefix))]
    if len(matches) != 1:
        count = "no mail" if not matches else "more than one mail"
        ids = ", ".join(read.message.id[:8] for read in reads[:10]) or "none"
        raise NotFound(f"{count} in {folder!r} has the id {prefix!r}", fix=f"There are: {ids}")
    return matches[0]


def _refs(door: Door, run: Run, folder: str) -> list[str]:
    listed = _act(door, run, "mail.list", {"folder": folder})
    return [entry.ref for entry in msgspec.convert(listed.brought(), list[Entry])]


def place(folder: str, read: Read) -> dict[str, Value]:
    message = read.message
    return {"folder": folder, "ref": read.ref, "message": message.digest, "message_id": message.message_id}


def _sender(claw: Claw, address: str | None) -> Account:
    account = claw.account(address)
    if not account.me:
        raise UserError(
            f"{account.address!r} has no sender address",
            fix="meshclaw mail connect ADDRESS --me you@example.com",
        )
    return account


def _start(claw: Claw, account: Account, intent: str) -> Run:
    return start(
        claw.ledger,
        claw.contents,
        request=terminal.receive(intent),
        agent=MAIL_CLERK,
        subject=account.address,
    )


def _tell(result: Result) -> None:
    match result.stand:
        case "done":
            screen.words(f"Done: {result.receipt.link if result.receipt else ''}")
        case "asked":
            screen.words(f"It waits for your word: meshclaw approvals allow {result.approval}")
        case "denied":
            screen.words(f"Denied: {result.decision.reason if result.decision else ''}.")
            sys.exit(3)
        case _:
            if result.error is not None:
                raise result.error
