"""RFC 8058: leaving a mailing list with one POST, and with nothing else."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from urllib.parse import urlsplit

from meshclaw.errors import NotReachable, Refused, Uncertain

TIMEOUT_S = 20
BODY = b"List-Unsubscribe=One-Click"


class _Pinned(http.client.HTTPSConnection):
    """Connects to the address that was checked: a second look-up could answer differently."""

    def __init__(self, host: str, port: int, address: str, tls: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S, context=tls)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), timeout=TIMEOUT_S)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def one_click(url: str, *, tls: ssl.SSLContext | None = None, private_hosts: bool = False) -> None:
    """POST the one-click body to ``url``: no redirect is followed, no cookie or credential is sent.

    Raises Refused where the url leads into a private network or the server says no, NotReachable before anything
    was sent, Uncertain when the answer got lost. ``private_hosts`` is for tests on loopback.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    if parts.scheme != "https" or not host or parts.username is not None:
        raise Refused(f"the unsubscribe address {url!r} is not plain https", fix="Leave the list by hand.")
    address = _checked_address(host, port, private_hosts=private_hosts)
    connection = _Pinned(host, port, address, tls or ssl.create_default_context())
    try:
        _post(connection, parts.path or "/", parts.query)
    finally:
        connection.close()


def _checked_address(host: str, port: int, *, private_hosts: bool) -> str:
    try:
        addresses = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise NotReachable(f"the server {host!r} of the list has no address ({error})") from error
    inside = [address for address in addresses if not ipaddress.ip_address(address).is_global]
    if inside and not private_hosts:
        raise Refused(
            f"the unsubscribe address leads into a private network ({host!r} is {inside[0]})",
            fix="A real mailing list is on the open internet; treat this mail as suspicious.",
        )
    return addresses[0]


def _post(connection: _Pinned, path: str, query: str) -> None:
    target = f"{path}?{query}" if query else path
    try:
        connection.connect()
    except OSError as error:
        raise NotReachable(f"the server {connection.host!r} of the list does not answer ({error})") from error
    try:
        connection.request("POST", target, BODY, {"Content-Type": "application/x-www-form-urlencoded"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Uncertain(
            f"the server {connection.host!r} of the list took the request and never answered"
        ) from error
    if not 200 <= status < 300:
        raise Refused(f"the server {connection.host!r} of the list answered with status {status}")
