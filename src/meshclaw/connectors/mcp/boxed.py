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

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]

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

    def __init__(
        self, out: MemoryObjectSendStream[SessionMessage | Exception], break_off: Callable[[str], None]
    ) -> None:
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


class _Boxed:
    """One program, its two ends and its end."""

    def __init__(self, program: Program, fate: Fate) -> None:
        self.fate = fate
        self._program = program
        self._loop = asyncio.get_running_loop()
        self._over = threading.Event()
        self._ended, self._written = anyio.Event(), anyio.Event()
        self._writing = anyio.CancelScope()
        self._inward, self._outward = os.pipe()
        os.set_blocking(self._outward, False)
        self._send, self.read = anyio.create_memory_object_stream[SessionMessage | Exception](MOST_WAITING)
        self.write, self._outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        self._lines = _Lines(self._send, self._break_off)

    async def run(self) -> None:
        """In a thread; what it says is taken in the loop, piece by piece, so that nobody gets ahead of us."""
        try:
            self.fate.ended = await anyio.to_thread.run_sync(
                self._program, self._inward, self._heard, self._over.is_set
            )
        except MeshClawError as error:
            self.fate.error = error
        finally:
            self._send.close()
            os.close(self._inward)
            self._ended.set()

    async def write_on(self) -> None:
        try:
            with self._writing:
                async for message in self._outgoing:
                    line = message.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
                    await _write(self._outward, line.encode())
        except OSError:  # it does not read any more
            self._send.close()
        finally:
            os.close(self._outward)
            self._written.set()

    async def end(self) -> None:
        """Its input ends; a moment later it is killed."""
        self.write.close()
        with anyio.move_on_after(GRACE_S):
            await self._written.wait()
            await self._ended.wait()
        self._writing.cancel()
        self._over.set()
        await self._ended.wait()
        for stream in (self.read, self._outgoing):
            stream.close()

    def _heard(self, part: bytes) -> None:
        if not self._over.is_set():
            asyncio.run_coroutine_threadsafe(self._take(part), self._loop).result()

    async def _take(self, part: bytes) -> None:
        self._lines.take(part)

    def _break_off(self, why: str) -> None:
        self.fate.broke = self.fate.broke or why
        self._over.set()
        self._send.close()


@asynccontextmanager
async def boxed(program: Program, fate: Fate) -> AsyncGenerator[Streams]:
    """Open while the block lasts; afterwards ``program`` has ended."""
    box = _Boxed(program, fate)
    async with anyio.create_task_group() as group:
        group.start_soon(box.run)
        group.start_soon(box.write_on)
        try:
            yield box.read, box.write
        finally:
            with anyio.CancelScope(shield=True):
                await box.end()


async def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        await anyio.wait_writable(descriptor)
        with suppress(BlockingIOError):
            view = view[os.write(descriptor, view) :]
