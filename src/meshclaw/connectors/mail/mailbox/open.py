"""From how a person names a mailbox to the mailbox; only the kind that is named is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, cast
from urllib.parse import unquote

from meshclaw.connectors.mail.mailbox.base import Mailbox
from meshclaw.errors import UserError
from meshclaw.settings.loopback import is_loopback

_FORMS = "Write maildir:PATH, mbox:PATH or imaps://user@host."
_PORTS = {"imaps": 993, "imap": 143}


class ImapAddress(NamedTuple):
    scheme: Literal["imaps", "imap"]
    user: str
    host: str
    port: int


def open_mailbox(
    address: str,
    *,
    secret: Callable[[], str] | None = None,
    create_folders: bool = True,
    changing: bool = True,
) -> Mailbox:
    """Open ``maildir:PATH``, ``mbox:PATH`` or ``imaps://user@host[:port]``; signs in at once.

    ``secret`` is asked for the password whenever a connection is made; it is kept nowhere.
    ``changing=False`` takes no lock, so that a person can look while their claw works.
    UserError for an address that is none; the errors of ``Mailbox`` for a mailbox that does not open.
    """
    scheme, _, rest = address.partition(":")
    if scheme == "maildir" and rest:
        from meshclaw.connectors.mail.mailbox.maildir.maildir import Maildir

        return Maildir(Path(rest).expanduser(), create_folders=create_folders, changing=changing)
    if scheme == "mbox" and rest:
        from meshclaw.connectors.mail.mailbox.mbox.mbox import Mbox

        return Mbox(Path(rest).expanduser(), create_folders=create_folders, changing=changing)
    if scheme in _PORTS:
        return _open_imap(address, secret, create_folders=create_folders, changing=changing)
    raise UserError(f"{address!r} does not name a mailbox", fix=_FORMS)


def _open_imap(
    address: str, secret: Callable[[], str] | None, *, create_folders: bool, changing: bool
) -> Mailbox:
    # imapclient and its TLS cost 60 ms of CPU that a Maildir has no use for.
    from meshclaw.connectors.mail.mailbox.imap.imap import ImapMailbox
    from meshclaw.connectors.mail.mailbox.imap.server import Server

    at = parse_imap(address)
    server = Server(address, at.host, at.port, at.user, secret, encrypted=at.scheme == "imaps")
    mailbox = ImapMailbox(server, create_folders=create_folders, changing=changing)
    mailbox.connect()
    return mailbox


def parse_imap(address: str) -> ImapAddress:
    scheme, _, rest = address.partition("://")
    user, _, server = rest.rstrip("/").rpartition("@")
    host, port = _host_and_port(address, server, _PORTS.get(scheme, 0))
    if not user or not host or "/" in server:
        raise UserError(f"{address!r} does not name a mailbox", fix=_FORMS)
    if ":" in user:
        hidden = user.partition(":")[0]
        raise UserError(
            f"the address of {hidden!r} at {host!r} contains a password",
            fix=f"Write {scheme}://{hidden}@{host} and store the password in the keyring.",
        )
    if scheme == "imap" and not is_loopback(host):
        raise UserError(
            f"{address!r} is not encrypted; imap:// is for servers on this machine only",
            fix=f"Write imaps://{user}@{host}.",
        )
    return ImapAddress(cast("Literal['imaps', 'imap']", scheme), unquote(user), host, port)


def _host_and_port(address: str, server: str, default: int) -> tuple[str, int]:
    if server.startswith("["):
        host, _, tail = server[1:].partition("]")
        port = tail.removeprefix(":")
    else:
        host, _, port = server.partition(":")
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise UserError(f"{address!r} has no valid port: {port!r}", fix="Use a number from 1 to 65535.")
    return host, int(port) if port else default
