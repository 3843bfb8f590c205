"""One GET under the rules of what leaves a sandbox: the host by one spelling, its addresses as they were judged."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from meshclaw import __version__
from meshclaw.errors import NotReachable, Refused, UserError
from meshclaw.guard.sandbox.egress.addresses import public
from meshclaw.guard.sandbox.egress.rules import Rule, judge, name

TIMEOUT_S = 10.0
MOST = 256 * 1024
"""Bytes of an answer that are read."""


class Got(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    etag: str
    body: bytes
    """At most 256 KB of it."""


class Place(NamedTuple):
    tls: bool
    host: str
    port: int
    path: str
    query: str

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def place(url: str) -> Place:
    """UserError where it is no plain http or https address."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UserError(f"{url!r} is no address ({error})") from error
    host = name(parts.hostname or "")
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or host is None or parts.username is not None or not plain:
        raise UserError(
            f"{url!r} is no plain address", fix="Write https://example.com/health, without user info."
        )
    found = Place(parts.scheme == "https", host, port, parts.path or "/", parts.query)
    verdict = judge([_rule(found)], host=host, port=port, method="GET", target=found.target)
    if verdict.rule:
        raise UserError(f"{url!r} is not looked at: {verdict.reason}")
    return found


def fetch(url: str, *, private: bool = False, tls: ssl.SSLContext | None = None) -> Got:
    """``private``: the host may be on a private network. No redirect is followed, nothing of the person is sent.

    Raises NotReachable where it does not answer, Refused where its address is not one that may be reached.
    """
    where = place(url)
    address = _address(where, private=private)
    end = time.monotonic() + TIMEOUT_S
    connection = _Pinned(where, address, (tls or _trusted()) if where.tls else None)
    try:
        connection.request(
            "GET", where.target, headers={"User-Agent": f"meshclaw/{__version__}", "Accept": "*/*"}
        )
        answer = connection.getresponse()
        body = bytearray()
        while len(body) < MOST and (part := answer.read1(MOST - len(body))):
            body += part
            if time.monotonic() > end:  # a drop at a time keeps no thread for ever
                raise TimeoutError("it takes too long")
        return Got(status=answer.status, etag=answer.getheader("ETag", ""), body=bytes(body))
    except (OSError, http.client.HTTPException) as error:
        raise NotReachable(f"{where.host}:{where.port} does not answer ({error})") from error
    finally:
        connection.close()


def _rule(where: Place) -> Rule:
    return Rule(host=where.host, port=where.port, methods=frozenset({"GET"}), paths=(where.path,))


def _address(where: Place, *, private: bool) -> str:
    """Looked up once; what is judged here is what is connected to."""
    try:
        found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotReachable(f"{where.host} has no address") from error
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    inside = next((one for one in addresses if not public(ipaddress.ip_address(one))), None)
    if inside and not private:
        raise Refused(
            f"{where.host} leads to {inside}, which is not on the internet",
            fix="Say --private where it is a server of your own network.",
        )
    return addresses[0]


@cache
def _trusted() -> ssl.SSLContext:
    """The system's authorities: reading them costs 20 ms."""
    return ssl.create_default_context()


class _Pinned(http.client.HTTPConnection):
    def __init__(self, where: Place, address: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(where.host, where.port, timeout=TIMEOUT_S)
        self._address, self._tls = address, tls

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), timeout=TIMEOUT_S)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain
