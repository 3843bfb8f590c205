"""A server elsewhere: the official one over HTTP on this machine; its key, its bounds, and what leads away from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from meshclaw.errors import Cut, Garbled, NotReachable, Refused

pytest.importorskip("mcp", reason="needs the extra mcp")
import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from meshclaw.connectors.mcp.session import to_url

notes = MCPServer("notes")
KEYS: list[str] = []
WAYS = {"redirect": False, "huge": False}


@notes.tool()
def add_note(text: str) -> dict[str, str]:
    """Adds a note."""
    return {"id": "n7", "text": text}


class _Odd(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next) -> Response:  # type: ignore[no-untyped-def]
        KEYS.append(request.headers.get("authorization", ""))
        if WAYS["redirect"]:
            return RedirectResponse("http://localhost:9/elsewhere", 307)
        if WAYS["huge"]:
            return JSONResponse({"jsonrpc": "2.0", "id": 1, "result": "x" * 6_000_000})
        return await call_next(request)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app: Starlette = notes.streamable_http_app()
    app.add_middleware(_Odd)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join()


@pytest.fixture(autouse=True)
def straight() -> Iterator[None]:
    yield
    WAYS.update(redirect=False, huge=False)
    KEYS.clear()


def test_its_tools_are_listed_and_called_with_the_key(url: str) -> None:
    talk = to_url(url, "a-key", 10)
    assert [tool.name for tool in talk.tools()] == ["add_note"]
    assert talk.call("add_note", {"text": "milk"}).structured == {"id": "n7", "text": "milk"}
    talk.close()
    assert set(KEYS) == {"Bearer a-key"}


def test_a_way_that_leads_elsewhere_is_not_followed(url: str) -> None:
    talk = to_url(url, "a-key", 5)
    WAYS["redirect"] = True
    with pytest.raises(Refused) as error:
        talk.call("add_note", {"text": "milk"})
    assert "localhost:9" not in str(error.value)
    WAYS["redirect"] = False
    talk.close()


def test_an_answer_larger_than_anybody_needs_is_not_read(url: str) -> None:
    talk = to_url(url, "", 5)
    WAYS["huge"] = True
    with pytest.raises((Cut, Garbled)):
        talk.call("add_note", {"text": "milk"})
    WAYS["huge"] = False
    talk.close()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(NotReachable):
        to_url("http://127.0.0.1:9/mcp", "", 5)
