"""A conversation with one MCP server: started, asked for its tools, called, ended. It offers the server nothing.

A server that wants to sample a model, to ask the person, or to see folders is told that there is no such thing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from typing import Any, cast

import anyio.from_thread
import mcp_types as types
import msgspec
from mcp import MCPError
from mcp.client.client import Client
from pydantic import TypeAdapter, ValidationError

from meshclaw.connectors.mcp.boxed import boxed
from meshclaw.connectors.mcp.definition import MOST_TOOLS, Tool
from meshclaw.connectors.mcp.remote import remote
from meshclaw.connectors.pipes import Fate
from meshclaw.connectors.program import Program
from meshclaw.errors import Cut, Garbled, MeshClawError, NotReachable, Refused
from meshclaw.flow.action import Value

log = logging.getLogger(__name__)

_ANSWER: TypeAdapter[Any] = TypeAdapter(types.CallToolResult | types.InputRequiredResult)
_NOT_DONE = frozenset(
    (types.INVALID_PARAMS, types.METHOD_NOT_FOUND, types.INVALID_REQUEST, types.PARSE_ERROR)
)
"""Errors of the protocol that come before a tool is begun."""
_PAGES = 50
START_S = 30.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool brought back, as it came."""

    texts: tuple[str, ...] = ()
    structured: object = None
    left_out: tuple[str, ...] = ()
    """Kinds of what is no text: ``image/png``."""
    failed: bool = False
    """The tool says that it failed."""


class Session:
    """Open from the start. ``stale`` once the server said that its tools changed."""

    def __init__(self, way: Callable[[Fate], AbstractAsyncContextManager[Any]], seconds: float) -> None:
        from meshclaw import __version__

        self.stale = False
        self.fate = Fate()
        self._cut = False
        self._seconds = seconds
        client = Client(
            cast("Any", way(self.fate)), read_timeout_seconds=START_S, cache=None, message_handler=self._hear,
            client_info=types.Implementation(name="meshclaw", version=__version__),
        )  # fmt: skip
        self._stack = ExitStack()
        try:
            self._portal = self._stack.enter_context(anyio.from_thread.start_blocking_portal())
            self._client = self._stack.enter_context(self._portal.wrap_async_context_manager(client))
        except BaseException as error:
            self._stack.close()
            raise self._told(error, "start") from error

    def tools(self) -> list[Tool]:
        """All it offers now, in its own order."""
        self.stale = False
        try:
            return self._portal.call(self._list)
        except Exception as error:
            raise self._told(error, "tell its tools") from error

    def call(self, tool: str, arguments: dict[str, Value]) -> Answer:
        """Raises Refused where it certainly did not happen, Cut or Garbled where nobody knows."""
        try:
            result = self._portal.call(self._call, tool, arguments)
        except Exception as error:
            told = self._told(error, "answer")
            self._cut = isinstance(told, Cut)
            raise told from error
        if not isinstance(result, types.CallToolResult):
            raise Cut("the server wants to ask somebody something before it goes on, which it may not")
        return _answer(result)

    @property
    def alive(self) -> bool:
        """Whether it is worth asking again: one that did not answer is ended, and started anew."""
        return self.fate.ended is None and not self.fate.broke and not self._cut

    def close(self) -> None:
        try:
            self._stack.close()
        except Exception as error:  # noqa: BLE001 (of whatever kind: all that was asked of it is known by now)
            log.info("A server did not end well: %s", type(error).__name__)

    # -- in the loop ---------------------------------------------------------------------

    async def _hear(self, message: object) -> None:
        self.stale = self.stale or isinstance(message, types.ToolListChangedNotification)

    async def _list(self) -> list[Tool]:
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            params = types.PaginatedRequestParams(cursor=cursor) if cursor else None
            page = await self._client.session.list_tools(params=params)
            found += map(_tool, page.tools)
            cursor = page.next_cursor
            if not cursor or len(found) > MOST_TOOLS:
                break
        if cursor or len(found) > MOST_TOOLS:
            raise Refused(f"the server offers more than {MOST_TOOLS} tools, or tells them without an end")
        if len({tool.name for tool in found}) < len(found):
            raise Refused("the server offers two tools of one name")
        return found

    async def _call(self, tool: str, arguments: dict[str, Value]) -> object:
        # Not Client.call_tool: that holds results against a schema of the server's, and fails after the deed is done.
        params = types.CallToolRequestParams(name=tool, arguments=cast("dict[str, Any]", arguments))
        with anyio.fail_after(self._seconds + 1):
            return await self._client.session.send_request(
                types.CallToolRequest(params=params), _ANSWER, request_read_timeout_seconds=self._seconds
            )

    def _told(self, error: BaseException, what: str) -> BaseException:
        """In our words: what a server says of its errors is a stranger's text."""
        while isinstance(error, BaseExceptionGroup):
            error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        if isinstance(error, MeshClawError) or not isinstance(error, Exception):
            return error
        if self.fate.error is not None:
            return self.fate.error
        if isinstance(error, MCPError) and error.code in _NOT_DONE:
            return Refused(f"the server did not take the call (error {error.code} of the protocol)")
        if isinstance(error, ValidationError | RuntimeError | ValueError):
            return Garbled(f"what the server said when it was to {what} cannot be understood")
        kind = NotReachable if what == "start" else Cut
        return kind(f"the server did not {what}{self._why(error)}")

    def _why(self, error: Exception) -> str:
        if self.fate.broke:
            return f": it was stopped, for {self.fate.broke}"
        if self.fate.ended is not None:
            return f": it ended with code {self.fate.ended.code}"
        if isinstance(error, TimeoutError) or (
            isinstance(error, MCPError) and error.code == types.REQUEST_TIMEOUT
        ):
            return " in time"
        code = f"error {error.code} of the protocol" if isinstance(error, MCPError) else type(error).__name__
        return f" ({code})"


def to_program(program: Program, seconds: float) -> Session:
    return Session(lambda fate: boxed(program, fate), seconds)


def to_url(url: str, key: str, seconds: float) -> Session:
    return Session(lambda _: remote(url, key, seconds), seconds)


def _tool(tool: types.Tool) -> Tool:
    return Tool(
        name=tool.name, title=tool.title or "", description=tool.description or "", takes=tool.input_schema,
        brings=tool.output_schema or {},
        hints=tool.annotations.model_dump(mode="json", by_alias=True, exclude_none=True) if tool.annotations else {},
    )  # fmt: skip


def _answer(result: types.CallToolResult) -> Answer:
    texts: list[str] = []
    left_out: list[str] = []
    for block in result.content:
        match block:
            case types.TextContent():
                texts.append(block.text)
            case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
                texts.append(resource.text)
            case types.ResourceLink():
                texts.append(f"{block.name}: {block.uri}")
            case types.ImageContent() | types.AudioContent():
                left_out.append(block.mime_type)
            case _:
                left_out.append("a file")
    kinds = tuple(kind[:60] if kind.isprintable() else "something" for kind in left_out)
    return Answer(
        texts=tuple(texts), structured=result.structured_content, left_out=kinds, failed=bool(result.is_error)
    )
