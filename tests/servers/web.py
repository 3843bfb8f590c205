"""A small web server on a loopback address that stands for the internet: it keeps every request as it came."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trustme

ADDRESS = "127.0.0.2"
"""Not 127.0.0.1, which stands for what must not be reached."""


class Web:
    def __init__(self, authority: trustme.CA | None = None, names: tuple[str, ...] = ()) -> None:
        self.requests: list[bytes] = []
        """Head and body, as they arrived."""
        self.answers: dict[str, bytes] = {}
        """By path, instead of ``200`` with the request itself."""
        self._context = _context(authority, names) if authority else None
        web = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                web.handle(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients of these tests hang up on purpose."""

        self._server = Server((ADDRESS, 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def handle(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        if self._context:
            connection = self._context.wrap_socket(connection, server_side=True)
        with connection:
            raw = _read(connection)
            if not raw:
                return
            self.requests.append(raw)
            path = raw.split(b" ", 2)[1].decode()
            connection.sendall(self.answers.get(path) or answer(raw))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answer(body: bytes, *, status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    return head.encode() + body


@contextmanager
def running(authority: trustme.CA | None = None, names: tuple[str, ...] = ()) -> Iterator[Web]:
    web = Web(authority, names)
    try:
        yield web
    finally:
        web.stop()


def _read(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw:
        part = connection.recv(65536)
        if not part:
            return raw
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    while len(body) < length or (b"transfer-encoding" in fields and not body.endswith(b"0\r\n\r\n")):
        part = connection.recv(65536)
        if not part:  # the other side gave up in the middle
            break
        body += part
    return head + b"\r\n\r\n" + body


def _context(authority: trustme.CA, names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context
