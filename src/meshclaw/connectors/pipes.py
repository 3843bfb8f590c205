"""Lines to and from a program in an event loop, bounded on every side.

The program runs in a thread of its own, wherever ``Program`` puts it; everything else lives in the loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

from meshclaw.connectors.program import Ended, Program
from meshclaw.errors import MeshClawError

MOST_OF_ONE = 4 << 20
"""Bytes of one line."""
MOST_WAITING = 10_000
"""Lines that nobody read yet."""
GRACE_S = 2.0
"""Given to a program whose input has ended."""


class Fate:
    """What became of the program, for whoever has to say why nobody answers."""

    def __init__(self) -> None:
        self.ended: Ended | None = None
        self.error: MeshClawError | None = None
        self.broke = ""
        """Why we ended it."""


class Pipes:
    """Open while the block lasts; afterwards the program has ended."""

    def __init__(self, program: Program, fate: Fate) -> None:
        self.fate = fate
        self._program = program
        self._over = threading.Event()
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self._came = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        inward, self._outward = os.pipe()
        os.set_blocking(self._outward, False)
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(inward,), name="program", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Its input ends; a moment later it is killed. Waits for that, whoever is in a hurry."""
        self._closed = True
        self._loop.remove_writer(self._outward)
        os.close(self._outward)
        ending = asyncio.ensure_future(self._end())
        while not ending.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(ending)

    async def send(self, line: bytes) -> None:
        """OSError where it does not read any more."""
        view = memoryview(line + b"\n")
        while view:
            if self._closed or self._done.is_set():
                raise BrokenPipeError("the program has ended")
            try:
                view = view[os.write(self._outward, view) :]
            except BlockingIOError:
                await self._writable()

    async def receive(self) -> bytes | None:
        """The next line without its end; None once there will be no more."""
        while not self._lines:
            if self._done.is_set() or self.fate.broke:
                return None
            self._came.clear()
            await self._came.wait()
        return self._lines.popleft()

    def break_off(self, why: str) -> None:
        self.fate.broke = self.fate.broke or why
        self._over.set()
        self._came.set()

    # -- between the threads -------------------------------------------------------------

    def _run(self, inward: int) -> None:
        """In its thread."""
        try:
            self.fate.ended = self._program(inward, self._heard, self._over.is_set)
        except MeshClawError as error:
            self.fate.error = error
        finally:
            os.close(inward)
            self._loop.call_soon_threadsafe(self._finish)

    def _heard(self, part: bytes) -> None:
        """Taken in the loop, piece by piece, so that the program never gets ahead of us."""
        if not self._over.is_set():
            asyncio.run_coroutine_threadsafe(self._take(part), self._loop).result()

    async def _take(self, part: bytes) -> None:
        *lines, rest = part.split(b"\n")
        for line in lines:
            self._rest += line
            self._one(bytes(self._rest))
            self._rest.clear()
        self._rest += rest
        self._check(len(self._rest))

    def _one(self, line: bytes) -> None:
        self._check(len(line))
        if line.strip() and not self.fate.broke:
            self._lines.append(line)
            self._came.set()
        if len(self._lines) > MOST_WAITING:
            self.break_off("it sent more than anybody can read")

    def _check(self, size: int) -> None:
        if size > MOST_OF_ONE:
            self.break_off("it sent a message without an end")

    def _finish(self) -> None:
        self._done.set()
        self._came.set()

    async def _end(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), GRACE_S)
        self._over.set()
        await self._done.wait()
        await asyncio.to_thread(self._thread.join)

    async def _writable(self) -> None:
        waiting = asyncio.Event()
        self._loop.add_writer(self._outward, waiting.set)
        try:
            await waiting.wait()
        finally:
            if not self._closed:
                self._loop.remove_writer(self._outward)
