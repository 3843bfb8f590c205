"""The receiver of OTLP/HTTP: what tools on this machine send comes in here and goes to ``keep``.

It listens on loopback unless told otherwise. A page in a browser could reach it there, so a request with an Origin,
for a foreign Host, or of a type that pages may send unasked is refused.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from meshclaw.errors import Busy, MeshClawError, UserError
from meshclaw.flow.usage import Unread, Usage
from meshclaw.readers.otlp import Refused, Signal, read

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PORT = 4318
"""IANA's for OTLP over HTTP."""
MOST_PACKED = 8 << 20
"""Bytes of a body as it is sent."""
LONGEST_LINE = 1_000
TIMEOUT_S = 20.0
MOST_AT_ONCE = 256
"""Connections. Every session of a tool keeps one open between its exports."""
SIGNALS: dict[str, Signal] = {"/v1/traces": "traces", "/v1/logs": "logs", "/v1/metrics": "metrics"}
PROTOBUF, JSON = "application/x-protobuf", "application/json"

Keep = Callable[[Iterable[Usage | Unread]], None]
"""Called by one request at a time; it returns when all is stored."""


class Receiver(ThreadingHTTPServer):
    """``serve_forever`` until ``shutdown``. ``port`` 0 takes a free one, told by ``server_port``."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, keep: Keep, *, host: str = "127.0.0.1", port: int = PORT) -> None:
        self.keep = keep
        self.lock = Lock()
        self.is_local = _is_loopback(host)
        self._free = BoundedSemaphore(MOST_AT_ONCE)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise UserError(
                f"nothing can listen on {host} port {port} ({error.strerror})",
                fix="Another receiver may run there; name a free port with --port.",
            ) from error

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)  # the sender tries again
            return
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S
    server: Receiver  # type: ignore[assignment]

    def do_POST(self) -> None:
        try:
            signal, is_json = self._checked()
            body = self._body()
            found = read(signal, body, is_json=is_json, encoding=self.headers.get("Content-Encoding", ""))
            with self.server.lock:
                self.server.keep(found)
        except Refused as refused:
            self.close_connection = True
            self._answer(refused.status, refused.why.encode(), "text/plain")
        except Busy as error:
            self._answer(503, error.message.encode(), "text/plain")
        except MeshClawError as error:
            self._answer(500, error.message.encode(), "text/plain")
        else:
            self._answer(200, b"{}" if is_json else b"", JSON if is_json else PROTOBUF)

    def do_GET(self) -> None:
        self._answer(
            405, b"This receives OTLP by POST to /v1/traces, /v1/logs and /v1/metrics.", "text/plain"
        )

    def _checked(self) -> tuple[Signal, bool]:
        signal = SIGNALS.get(self.path)
        if signal is None:
            raise Refused(404, "OTLP is received at /v1/traces, /v1/logs and /v1/metrics")
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in {PROTOBUF, JSON}:
            raise Refused(415, f"the type {kind!r} is not understood; send {PROTOBUF} or {JSON}")
        if "Origin" in self.headers:
            raise Refused(403, "pages in a browser may not send here")
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if self.server.is_local and not _is_loopback(host.strip("[]")):
            raise Refused(403, f"this is not {host!r}")
        return signal, kind == JSON

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refused(411, "the length of the body is missing")
        if len(length) > 9 or int(length) > MOST_PACKED:
            raise Refused(413, f"the body is more than {MOST_PACKED >> 20} MiB")
        return self._exactly(int(length))

    def _chunks(self) -> Iterable[bytes]:
        """RFC 9112 §7.1; trailers are read over."""
        left = MOST_PACKED
        while size := self._size():
            left -= size
            if left < 0:
                raise Refused(413, f"the body is more than {MOST_PACKED >> 20} MiB")
            yield self._exactly(size)
            self.rfile.readline(LONGEST_LINE)
        while self.rfile.readline(LONGEST_LINE).strip():
            pass

    def _size(self) -> int:
        line = self.rfile.readline(LONGEST_LINE).partition(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError as error:
            raise Refused(400, "the body's chunks are broken") from error
        if size < 0:
            raise Refused(400, "the body's chunks are broken")
        return size

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) != size:
            raise Refused(400, "the body ends too early")
        return data

    def _answer(self, status: int, body: ReadableBuffer, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(memoryview(body))))
        if status == 503:
            self.send_header("Retry-After", "5")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: what was kept is told by whoever keeps it."""


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
