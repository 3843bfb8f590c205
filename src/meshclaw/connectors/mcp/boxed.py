"""A way to a server that is a program: JSON-RPC in lines, as the protocol's own library wants them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from meshclaw.connectors.pipes import Fate, Pipes
from meshclaw.connectors.program import Program

Read = MemoryObjectSendStream[SessionMessage | Exception]
Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]

MOST_NONSENSE = 20
"""Lines that are no message, as of a program that prints."""


@asynccontextmanager
async def boxed(program: Program, fate: Fate) -> AsyncGenerator[Streams]:
    """Open while the block lasts; afterwards ``program`` has ended."""
    heard, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    async with Pipes(program, fate) as pipes, anyio.create_task_group() as group, read, write, outgoing:
        group.start_soon(_listen, pipes, heard)
        group.start_soon(_speak, pipes, outgoing, heard)
        try:
            yield read, write
        finally:
            group.cancel_scope.cancel()


async def _listen(pipes: Pipes, heard: Read) -> None:
    nonsense = 0
    async with heard:
        while (line := await pipes.receive()) is not None:
            try:
                message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError:
                nonsense += 1
                if nonsense > MOST_NONSENSE:
                    pipes.break_off("what it says is no MCP")
                continue
            try:
                await heard.send(message)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # nobody listens any more


async def _speak(pipes: Pipes, outgoing: MemoryObjectReceiveStream[SessionMessage], heard: Read) -> None:
    async for message in outgoing:
        try:
            await pipes.send(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode())
        except OSError:  # it does not read any more
            heard.close()
            return
