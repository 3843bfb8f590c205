"""The HTTP side: calls of the Web API, uploads and downloads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tests.servers.slack import writing
from tests.servers.slack.faults import Fault, Faults
from tests.servers.slack.methods import METHODS, Caller
from tests.servers.slack.world import Thing, World, Wrong

Own = Callable[[Caller, Thing], Thing]


assert writing  # importing it puts its methods on the list


class Called(msgspec.Struct, frozen=True):
    method: str
    arguments: dict[str, Any]
    kind: str
    """Of the token."""
    at: float
    """Monotonic seconds."""


class Web:
    """``own`` are methods that need more than the world; ``done`` hears of every call that happened."""

    def __init__(
        self, world: World, faults: Faults, tokens: Mapping[str, Caller], own: Mapping[str, Own],
        done: Callable[[str, Caller, Thing], None],
    ) -> None:  # fmt: skip
        self.world, self.faults, self.tokens, self.own, self.done = world, faults, tokens, own, done
        self.calls: list[Called] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                web.handle(self)

            do_GET = do_POST  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nobody reads it."""

        class Server(ThreadingHTTPServer):
            daemon_threads = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients of these tests hang up on purpose."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # -- requests --------------------------------------------------------------------------

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if path.path.startswith("/upload/v1/"):
            self.upload(request, path.path.rpartition("/")[2], body)
        elif path.path.startswith("/files-pri/"):
            self.download(request, path.path.split("/")[2].partition("-")[2])
        else:
            self.call(
                request,
                path.path.rpartition("/")[2],
                {**dict(parse_qsl(path.query)), **_arguments(request, body)},
            )

    def call(self, request: BaseHTTPRequestHandler, method: str, arguments: Thing) -> None:
        token = str(arguments.pop("token", "")) or request.headers.get("Authorization", "").removeprefix(
            "Bearer "
        )
        caller = self.tokens.get(token)
        self.calls.append(Called(method, dict(arguments), caller.kind if caller else "", time.monotonic()))
        fault = self.faults.take(method)
        if fault is not None and self._goes_wrong(request, method, caller, arguments, fault):
            return
        scopes = (
            {"X-OAuth-Scopes": ",".join(sorted(caller.scopes))} if caller and caller.kind != "app" else {}
        )
        answer(request, self.answered(method, caller, arguments), headers=scopes)

    def _goes_wrong(
        self,
        request: BaseHTTPRequestHandler,
        method: str,
        caller: Caller | None,
        arguments: Thing,
        fault: Fault,
    ) -> bool:
        if fault.how == "slow":
            time.sleep(fault.seconds)
            return False
        done = self.answered(method, caller, arguments) if fault.done else {}
        match fault.how:
            case "drop":
                request.close_connection = True
            case "rate":
                answer(
                    request,
                    {"ok": False, "error": "ratelimited"},
                    429,
                    {"Retry-After": str(int(fault.seconds))},
                )
            case "error":
                answer(request, {"ok": False, "error": fault.code})
            case "garbage":
                raw(request, msgspec.json.encode(done)[:-2] or b"<html>", "application/json")
            case _:
                raw(request, b"<html>upstream connect error</html>", "text/html", fault.status)
        return True

    def answered(self, method: str, caller: Caller | None, arguments: Thing) -> Thing:
        try:
            return {"ok": True, **self._answered(method, caller, arguments)}
        except Wrong as error:
            return error.answer

    def _answered(self, method: str, caller: Caller | None, arguments: Thing) -> Thing:
        if caller is None:
            raise Wrong("invalid_auth")
        if method in self.own:
            return self.own[method](caller, arguments)
        if method not in METHODS:
            raise Wrong("unknown_method", req_method=method)
        function, scope = METHODS[method]
        if caller.kind == "app":
            raise Wrong("not_allowed_token_type")
        if caller.kind == "bot" and scope and scope not in caller.scopes:
            raise Wrong("missing_scope", needed=scope, provided=",".join(sorted(caller.scopes)))
        with self.world.lock:
            found = function(self.world, caller, {**arguments, "base": self.base})
            found = cast("Thing", msgspec.json.decode(msgspec.json.encode(found)))  # as it is now
        self.done(method, caller, found)
        return found

    # -- bytes -------------------------------------------------------------------------------

    def upload(self, request: BaseHTTPRequestHandler, file: str, body: bytes) -> None:
        kind = request.headers.get("Content-Type", "")
        if kind.startswith("multipart/"):
            parsed = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
            part = next(iter(parsed.iter_parts()))  # type: ignore[attr-defined]
            body = cast("bytes", part.get_payload(decode=True))
        if file not in self.world.files or len(body) != self.world.files[file]["size"]:
            raw(request, b"wrong length", "text/plain", 400)
            return
        self.world.contents[file] = body
        raw(request, b"OK - %d" % len(body), "text/plain")

    def download(self, request: BaseHTTPRequestHandler, file: str) -> None:
        caller = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if caller is None or "files:read" not in caller.scopes:  # Slack shows a page to sign in
            raw(request, b"<!DOCTYPE html><html>Sign in</html>", "text/html")
            return
        raw(request, self.world.contents[file], "application/octet-stream")


def _arguments(request: BaseHTTPRequestHandler, body: bytes) -> Thing:
    kind = request.headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        return cast("Thing", msgspec.json.decode(body)) if body else {}
    if kind.startswith("multipart/"):
        parsed = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
        return {
            str(part.get_param("name", header="content-disposition")): part.get_content().strip()
            for part in parsed.iter_parts()  # type: ignore[attr-defined]
        }
    return dict(parse_qsl(body.decode()))


def answer(
    request: BaseHTTPRequestHandler, value: Thing, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    raw(request, msgspec.json.encode(value), "application/json; charset=utf-8", status, headers)


def raw(
    request: BaseHTTPRequestHandler,
    body: bytes,
    kind: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    request.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
