"""A way to a server that is a program: lines of JSON-RPC over its standard input and output, bounded on every side.

The program runs in a thread of its own, wherever ``Program`` puts it; everything else lives in the event loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from meshclaw.connectors.program import Ended, Program
from meshclaw.errors import MeshClawError

Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]

MOST_OF_ONE = 4 << 20
"""Bytes of one message."""
MOST_WAITING = 10_000
"""Messages that nobody read yet."""
MOST_NONSENSE = 20
"""Lines that are no message, as of a program that prints."""
GRACE_S = 2.0
"""Given to a server whose input has ended."""


class Fate:
    """What became of the program, for whoever has to say why nobody answers."""

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self.error: MeshClawError | None = None
        self.broke = ""
        """Why we ended it."""


class _Lines:
    """Output in pieces, as messages; ``broke`` says what was too much."""

    def __init__(self, out: MemoryObjectSendStream[SessionMessage | Exception], break_off: Callable[[str], None]) -> None:
        self._out = out
        self._break_off = break_off
        self._rest = bytearray()
        self._nonsense = 0

    def take(self, part: bytes) -> None:
        *lines, rest = part.split(b"\n")
        for line in lines:
            self._rest += line
            self._one(bytes(self._rest))
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > MOST_OF_ONE:
            self._break_off("it sent a message without an end")

    def _one(self, line: bytes) -> None:
        if not line.strip():
            return
        if len(line) > MOST_OF_ONE:
            self._break_off("it sent a message without an end")
            return
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self._nonsense += 1
            if self._nonsense > MOST_NONSENSE:
                self._break_off("what it says is no MCP")
            return
        try:
            self._out.send_nowait(SessionMessage(message))
        except anyio.WouldBlock:
            self._break_off("it sent more than anybody can read")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # nobody listens any more


@asynccontextmanager
async def boxed(program: Program, fate: Fate) -> AsyncGenerator[Streams]:
    """Starts ``program`` and ends it: its input is closed, and after a moment it is killed."""
    loop, over, done = asyncio.get_running_loop(), threading.Event(), anyio.Event()
    writing, written = anyio.CancelScope(), anyio.Event()
    send, read = anyio.create_memory_object_stream[SessionMessage | Exception](MOST_WAITING)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    inward, outward = os.pipe()
    os.set_blocking(outward, False)

    def break_off(why: str) -> None:
        fate.broke = fate.broke or why
        over.set()
        send.close()

    lines = _Lines(send, break_off)

    def heard(part: bytes) -> None:
        if not over.is_set():
            with suppress(RuntimeError):  # the loop has closed
                asyncio.run_coroutine_threadsafe(_taken(part), loop).result()

    async def _taken(part: bytes) -> None:  # noqa: RUF029 (it must run in the loop)
        lines.take(part)

    async def run() -> None:
        try:
            fate.ended = await anyio.to_thread.run_sync(program, inward, heard, over.is_set)
        except MeshClawError as error:
            fate.error = error
        finally:
            send.close()
            os.close(inward)
            done.set()

    async def write_on() -> None:
        try:
            with writing:
                async for message in outgoing:
                    line = message.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
                    await _write(outward, line.encode())
        except OSError:  # it does not read any more
            send.close()
        finally:
            os.close(outward)
            written.set()

    async with anyio.create_task_group() as group, send, read, write, outgoing:
        group.start_soon(run)
        group.start_soon(write_on)
        try:
            yield read, write
        finally:
            with anyio.CancelScope(shield=True):
                write.close()
                with anyio.move_on_after(GRACE_S):
                    await written.wait()
                    await done.wait()
                writing.cancel()
                over.set()
                await done.wait()


async def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        await anyio.wait_writable(descriptor)
        with suppress(BlockingIOError):
            view = view[os.write(descriptor, view) :]
