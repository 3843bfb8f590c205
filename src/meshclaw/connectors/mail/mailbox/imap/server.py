"""Reaching and entering an IMAP server: TLS, sign-in, and what goes wrong there in words."""

from __future__ import annotations

import imaplib
import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple, cast

import imapclient  # pyright: ignore[reportMissingTypeStubs]
from cryptography import x509
from imapclient import exceptions  # pyright: ignore[reportMissingTypeStubs]

from meshclaw.connectors.mail.mailbox.imap.wire import Client, Wire
from meshclaw.errors import NotReachable, SignInNeeded

_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""


class Dropped(NotReachable):
    """The connection broke or was refused at once: worth another try."""


class Server(NamedTuple):
    address: str
    host: str
    port: int
    user: str
    secret: Callable[[], str] | None
    encrypted: bool
    connect_s: float = 15.0
    read_s: float = 60.0


def sign_in(server: Server) -> Wire:
    """A connection with CONDSTORE and QRESYNC enabled where offered, nothing selected yet."""
    if server.secret is None:
        raise SignInNeeded(
            f"no password for {server.address}", fix="Store one in the keyring, then try again."
        )
    wire = Wire(_dial(server))
    try:
        _log_in(server, wire, server.secret())
        wire.capabilities = frozenset(name.decode().upper() for name in wire.client.capabilities())
        wanted = [name for name in ("CONDSTORE", "QRESYNC") if name in wire.capabilities]
        # Before the first SELECT: later it is illegal, and without it SELECT reports no HIGHESTMODSEQ.
        if wanted and "ENABLE" in wire.capabilities:
            wire.client.enable(*wanted)
    except BaseException as error:
        hang_up(wire)
        if isinstance(error, (OSError, imaplib.IMAP4.abort)):
            raise lost(server, error) from None
        raise
    return wire


def hang_up(wire: Wire) -> None:
    """Close the socket without a word; a LOGOUT could hang on a dead server."""
    try:
        wire.client.shutdown()
    except (OSError, imaplib.IMAP4.error):
        return


def lost(server: Server, error: BaseException) -> NotReachable:
    if isinstance(error, TimeoutError):
        return NotReachable(
            f"{server.address} did not answer within {server.read_s:g} seconds",
            fix="Try again later; check the network if it happens every time.",
        )
    return Dropped(
        f"{server.address} closed the connection ({error})", fix="Try again; the server may be restarting."
    )


def _dial(server: Server) -> Client:
    context = ssl.create_default_context() if server.encrypted else None
    timeout = imapclient.SocketTimeout(connect=server.connect_s, read=server.read_s)
    try:
        # The library annotates ``timeout`` as a number and documents SocketTimeout.
        connect = cast("Callable[..., Client]", imapclient.IMAPClient)
        return connect(server.host, server.port, ssl=server.encrypted, ssl_context=context, timeout=timeout)
    except ssl.SSLCertVerificationError as error:
        raise _bad_certificate(server, error) from None
    except ssl.SSLError as error:
        raise NotReachable(
            f"{server.address} does not speak TLS on port {server.port} ({error.reason or error})",
            fix="Check the port; an unencrypted connection is never tried instead.",
        ) from None
    except socket.gaierror:
        raise NotReachable(
            f"no server named {server.host!r} can be found", fix="Check the host name and the network."
        ) from None
    except TimeoutError as error:
        raise lost(server._replace(read_s=server.connect_s), error) from None
    except (OSError, imaplib.IMAP4.error) as error:
        raise Dropped(
            f"{server.host} does not answer on port {server.port} ({error})",
            fix="Check host, port and network, then try again.",
        ) from None


def _log_in(server: Server, wire: Wire, password: str) -> None:
    try:
        # AUTHENTICATE PLAIN can carry any password; LOGIN only ASCII.
        if "AUTH=PLAIN" in wire.raw.capabilities:
            wire.client.plain_login(server.user, password)
        elif "LOGINDISABLED" in wire.raw.capabilities or not password.isascii():
            raise SignInNeeded(
                f"{server.address} offers no way to sign in with this password",
                fix="Ask the mail provider for an app password.",
            )
        else:
            wire.client.login(server.user, password)
    except exceptions.LoginError as error:
        # imapclient words a lost connection as a refused sign-in; the cause tells them apart.
        if isinstance(error.__context__, imaplib.IMAP4.abort):
            raise error.__context__ from None
        if "UNAVAILABLE" in str(error):
            raise NotReachable(
                f"{server.address} cannot check passwords just now", fix="Try again later."
            ) from None
        # The server's own text stays out: some servers repeat what was sent.
        raise SignInNeeded(
            f"{server.host} refused the password of {server.user!r}",
            fix="Store the right password in the keyring, or an app password where the provider wants one.",
        ) from None


def _bad_certificate(server: Server, error: ssl.SSLCertVerificationError) -> NotReachable:
    fault = error.verify_message or str(error)
    if error.verify_code == _EXPIRED:
        fault = f"it expired{_expiry(server)}"
    return NotReachable(
        f"the certificate of {server.host}:{server.port} is not valid: {fault}",
        fix="Tell whoever runs the server; nothing was sent, and no unencrypted connection is tried.",
    )


def _expiry(server: Server) -> str:
    """Ask once more without checking, to name the date; nothing but the handshake is exchanged."""
    try:
        pem = ssl.get_server_certificate((server.host, server.port), timeout=server.connect_s)
    except OSError:
        return ""
    return f" on {x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc:%Y-%m-%d}"
