"""The local page as a service of the daemon: one socket on loopback, idle while nobody looks."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from meshclaw.daemon.desk import Desk
from meshclaw.errors import UserError
from meshclaw.home.house import House
from meshclaw.home.keys import Keys
from meshclaw.home.peer import TELLS

if TYPE_CHECKING:  # loaded when the page starts
    from uvicorn import Server

HOST = "127.0.0.1"
CLOSE_S = 1
"""How long open connections may take to end."""


def is_here() -> bool:
    """Whether the extra ``home`` is installed."""
    return all(find_spec(name) for name in ("starlette", "uvicorn"))


class HomePage:
    """``port``: 0 takes the last one again, or a free one."""

    def __init__(self, folder: Path, desk: Desk, port: int = 0) -> None:
        self.name = "page"
        self.address = ""
        """Without its token; empty before it listens."""
        # A port that was ours may be somebody else's after us; where the kernel does not tell whose connection it is,
        # a cookie that they got hold of then must not count.
        self._house = House(folder, desk, Keys(folder, stays=TELLS))
        self._port = port
        self.at_work = self._house.at_work

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        with self._listening() as listening:
            port = listening.getsockname()[1]
            self._house.keys.begin(port)
            self.address = f"http://{HOST}:{port}/"
            asyncio.run(self._serve(listening, port, stop, ready))

    def _listening(self) -> socket.socket:
        if self._port:
            return _bound(self._port)
        try:
            return _bound(self._house.keys.port)
        except UserError:
            return _bound(0)

    async def _serve(
        self, listening: socket.socket, port: int, stop: threading.Event, ready: Callable[[], None]
    ) -> None:
        ending, loop = asyncio.Event(), asyncio.get_running_loop()

        def wait() -> None:
            stop.wait()
            self._house.stop.set()
            loop.call_soon_threadsafe(ending.set)

        threading.Thread(target=wait, name="page stop", daemon=True).start()
        await _server(self._house, port, ending, ready).serve(sockets=[listening])


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was ours a moment ago
    try:
        made.bind((HOST, port))
    except OSError as error:
        made.close()
        raise UserError(
            f"the port {port} is taken ({error.strerror})", fix="Choose another one with --port, or none."
        ) from error
    return made


def _server(house: House, port: int, ending: asyncio.Event, ready: Callable[[], None]) -> Server:
    from uvicorn import Config, Server

    from meshclaw.home.app import app
    from meshclaw.home.gate import Gate

    class Quiet(Server):
        """Waits for its end; uvicorn's own loop wakes up ten times a second."""

        async def main_loop(self) -> None:
            ready()
            await ending.wait()

    return Quiet(
        Config(
            Gate(app(house), keys=house.keys, port=port), loop="asyncio", http="h11", ws="none", lifespan="off",
            log_config=None, access_log=False, log_level="warning", proxy_headers=False, server_header=False,
            date_header=False, limit_concurrency=64, timeout_graceful_shutdown=CLOSE_S,
        )
    )  # fmt: skip
