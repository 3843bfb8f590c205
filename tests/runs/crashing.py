"""Runs ``meshclaw`` and kills it with SIGKILL at its n-th moment: ``python -m tests.runs.crashing N words...``.

A moment is before or after a write of the ledger, an effect on a mailbox, a network send, or a question to a model.
Exits 99 where the command ended before its n-th moment.
"""

from __future__ import annotations

import imaplib
import os
import pkgutil
import signal
import smtplib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from meshclaw.connectors.mail.mailbox.imap.imap import ImapMailbox
from meshclaw.connectors.mail.mailbox.maildir.maildir import Maildir
from meshclaw.connectors.mail.mailbox.mbox.mbox import Mbox
from meshclaw.ledger.file import File
from meshclaw.ledger.ledger import Ledger
from meshclaw.llm.adapter import Adapter

MOMENTS: list[tuple[type, str]] = [
    (Ledger, "sign_head"), (Adapter, "ask"),
    *((box, name) for box in (Maildir, Mbox, ImapMailbox) for name in ("label_many", "move", "append", "claim")),
    (smtplib.SMTP, "send"), (imaplib.IMAP4, "send"),
]  # fmt: skip
OVER = 99

left = 0


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


def before(method: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        moment()
        return method(*args, **kwargs)

    return wrapped


def around_block(method: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def wrapped(*args: Any, **kwargs: Any) -> Iterator[None]:
        moment()
        with method(*args, **kwargs):
            yield
        moment()

    return wrapped


def arm(at: int, function: str = "") -> None:
    """Kill this process at its n-th moment from now on, or at the n-th call of ``function``."""
    global left  # noqa: PLW0603 - one process, one countdown
    left = at
    if function:
        place, _, name = function.rpartition(".")
        owner = pkgutil.resolve_name(place)
        setattr(owner, name, before(getattr(owner, name)))
        return
    File.writing = around_block(File.writing)  # type: ignore[method-assign]
    for owner, name in MOMENTS:
        setattr(owner, name, around(getattr(owner, name)))


def meshclaw(words: list[str]) -> int:
    """The exit code of the command."""
    from meshclaw.cli.main import main

    sys.argv = ["meshclaw", *words]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    arm(int(sys.argv[1]))
    meshclaw(sys.argv[2:])
    sys.exit(OVER)
