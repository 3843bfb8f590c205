"""The mail connector over one mailbox."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.settings.accounts import Account
from meshclaw.settings.secrets import secret_of
from meshclaw.wiring.claw import Claw
from meshclaw.wiring.place import Lazy, Place
from meshclaw.wiring.site import Site

if TYPE_CHECKING:  # these load what a run without mail does without
    from meshclaw.connectors.mail.connector import MailConnector
    from meshclaw.connectors.mail.mailbox.base import Mailbox
    from meshclaw.connectors.mail.outgoing import Outgoing

NAME = "mail"


def account_of(claw: Claw, subject: str) -> Account | None:
    """The mailbox that a run is about, or the only one there is."""
    if subject.partition(":")[0] in ("maildir", "mbox", "imap", "imaps"):
        return claw.accounts.get(subject)
    accounts = claw.accounts.all()
    return accounts[0] if len(accounts) == 1 else None


def places(site: Site, stack: ExitStack) -> dict[str, Place]:
    claw = site.claw
    account = account_of(claw, site.subject)
    if account is None:
        return {}
    from meshclaw.connectors.mail.tools import MailTools

    @contextmanager
    def opened() -> Generator[MailConnector]:
        with claw.mailbox(account) as mailbox:
            yield connector(claw, mailbox, account)

    on_disk = not account.address.startswith("imap")
    return {
        NAME: Place(
            connector=Lazy(DECLARATIONS, opened, stack, brief=on_disk),
            tools=MailTools(account.me[0] if account.me else ""),
        )
    }


def place(claw: Claw, mailbox: Mailbox, account: Account) -> dict[str, Place]:
    """Of a mailbox that somebody else opened and will close."""
    return {NAME: Place(connector=connector(claw, mailbox, account))}


def connector(claw: Claw, mailbox: Mailbox, account: Account) -> MailConnector:
    from meshclaw.connectors.mail.connector import MailConnector

    return MailConnector(
        mailbox,
        claw=claw.ledger.device.id,
        outgoing=_outgoing(account),
        parse=lambda raw: claw.parse(raw, account),
    )


def _outgoing(account: Account) -> Outgoing | None:
    if not account.smtp or not account.me:
        return None
    from meshclaw.connectors.mail.outgoing import Smtp

    return Smtp(account.smtp, sender=account.me[0], secret=secret_of(account, account.smtp))
