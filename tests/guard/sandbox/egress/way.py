"""A proxy that runs, and what its tests say to it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from meshclaw.guard.sandbox.egress.addresses import Address, public
from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.egress.secret import Secret
from meshclaw.guard.sandbox.egress.way_out import Egress
from tests.servers import web

GOOD, OTHER, INSIDE = "good.example", "other.example", "inside.example"
VALUE = "ghp_0123456789abcdefghij"


def reachable(address: Address) -> bool:
    """The servers of these tests are the internet; the rest of this machine is not."""
    return str(address) == web.ADDRESS or public(address)


class Names:
    """A resolver that remembers what it was asked, and can change its mind."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[Sequence[str]]] = {
            GOOD: [[web.ADDRESS]],
            OTHER: [[web.ADDRESS]],
            INSIDE: [["10.0.0.7"]],
            "mixed.example": [[web.ADDRESS, "10.0.0.7"]],
            "gone.example": [[]],
        }

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        answers = self.answers.get(host, [[]])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ipaddress.ip_address(one) for one in found]


class Way:
    """A proxy that runs, and where to find it."""

    def __init__(self, egress: Egress, port: int, names: Names) -> None:
        self.egress = egress
        self.port = port
        self.names = names

    def say(self, *parts: bytes | str) -> bytes:
        """Send bytes as they are, and read until the proxy hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for part in parts:
                connection.sendall(part.encode() if isinstance(part, str) else part)
            return read_all(connection)

    def rule(self) -> str:
        assert len(self.egress.refused) == 1, self.egress.refused
        return self.egress.refused[0].rule


def read_all(connection: socket.socket) -> bytes:
    said = b""
    try:
        while part := connection.recv(65536):
            said += part
    except (ConnectionResetError, ssl.SSLError):
        pass
    return said


@contextmanager
def proxy(
    *rules: Rule, secrets: Sequence[Secret] = (), upstream: ssl.SSLContext | None = None
) -> Iterator[Way]:
    names = Names()
    with Egress(rules, secrets, resolve=names, reachable=reachable, upstream=upstream) as egress:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        egress.serve(listener)
        yield Way(egress, port, names)


def get(url: str, host: str, more: str = "", method: str = "GET") -> str:
    return f"{method} {url} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"


def tunnelled(way: Way, place: str, name: str, context: ssl.SSLContext, request: str) -> bytes:
    """A request through CONNECT to ``place`` whose TLS greeting asks for ``name``."""
    with socket.create_connection(("127.0.0.1", way.port), timeout=5) as connection:
        connection.sendall(get(place, place, method="CONNECT").encode())
        said = connection.recv(4096)
        if not said.startswith(b"HTTP/1.1 200"):
            return said
        with context.wrap_socket(connection, server_hostname=name or None) as secured:
            secured.sendall(request.encode())
            return read_all(secured)


GET = "GET http://{place}/ HTTP/1.1\r\nHost: {place}\r\n"
POST = "POST http://{place}/ HTTP/1.1\r\nHost: {place}\r\n"


NARROW = Rule(host=GOOD, port=443, methods=frozenset({"GET"}), paths=("/repos/ours",))


def narrowed(port: int) -> Rule:
    return Rule(host=GOOD, port=port, methods=NARROW.methods, paths=NARROW.paths)


def our_trust(egress: Egress, folder: Path) -> ssl.SSLContext:
    """What a client inside trusts: the file that it is given."""
    path = folder / "certificates.pem"
    path.write_bytes(egress.certificates())
    return ssl.create_default_context(cafile=str(path))


def secret(port: int) -> Secret:
    return Secret(name="TOKEN", value=VALUE, host=GOOD, port=port)
