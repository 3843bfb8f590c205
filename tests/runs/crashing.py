"""Runs ``meshclaw`` and kills it with SIGKILL at its n-th moment: ``python -m tests.runs.crashing N words...``.

A moment is before or after a write of the ledger or the content store, an effect on a mailbox, or a network send.
Exits 99 where the command ended before its n-th moment.
"""

from __future__ import annotations

import imaplib
import os
import signal
import smtplib
import sys
from collections.abc import Callable
from typing import Any

from meshclaw.connectors.mail.mailbox.imap.imap import ImapMailbox
from meshclaw.connectors.mail.mailbox.maildir.maildir import Maildir
from meshclaw.connectors.mail.mailbox.mbox.mbox import Mbox
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger

MOMENTS: list[tuple[type, str]] = [
    (Ledger, "record"), (Ledger, "sign_head"), (ContentStore, "put"),
    *((box, name) for box in (Maildir, Mbox, ImapMailbox) for name in ("label_many", "move", "append", "claim")),
    (smtplib.SMTP, "send"), (imaplib.IMAP4, "send"),
]  # fmt: skip

left = int(sys.argv[1])


def moment() -> None:
    global left  # noqa: PLW0603 - one process, one countdown
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def around(method: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        moment()
        result = method(*args, **kwargs)
        moment()
        return result

    return wrapped


for owner, name in MOMENTS:
    setattr(owner, name, around(getattr(owner, name)))

if __name__ == "__main__":
    from meshclaw.cli.main import main

    sys.argv = ["meshclaw", *sys.argv[2:]]
    try:
        main()
    except SystemExit:
        sys.exit(99)
