"""One Socket Mode connection: opened with a ticket, watched, and given up where the other side shows no life.

slack_sdk opens it (proxy, TLS, handshake) and writes its frames; reading and the watchdog are ours.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from meshclaw.connectors.slack.client import Client, wire
from meshclaw.daemon.slack.frames import CLOSE, PING, TEXT, Frames
from meshclaw.errors import Garbled, NotReachable, Refused
from meshclaw.settings.loopback import is_loopback

if TYPE_CHECKING:
    from slack_sdk.socket_mode.builtin.connection import Connection

PULSE_S = 15.0
"""Seconds of silence after which the other side is asked whether it is there."""
DEAD_S = 45.0
"""Seconds of silence, in spite of that, after which it is not."""


class _Ticket(msgspec.Struct, frozen=True):
    url: str


class Link:
    """Of one thread. ``heard_at``: monotonic seconds of the last sign of life."""

    def __init__(self, connection: Connection, *, pulse_s: float = PULSE_S, dead_s: float = DEAD_S) -> None:
        assert connection.sock is not None  # noqa: S101 - open_link saw to it
        self._connection = connection
        self._frames = Frames(connection.sock)
        self._pulse_s, self._dead_s = pulse_s, dead_s
        self.heard_at = time.monotonic()

    def receive(self) -> bytes | None:
        """The next message; None after a while without one. NotReachable where nobody is there any more."""
        frame = self._frames.next(self._pulse_s)
        now = time.monotonic()
        if frame is None:
            if now - self.heard_at > self._dead_s:
                raise NotReachable(f"Slack's socket has been silent for {now - self.heard_at:.0f} s.")
            self._send(ping=True)
            return None
        self.heard_at = now
        if frame.opcode == PING:
            self._send(pong=frame.data)
        elif frame.opcode == CLOSE:
            raise NotReachable("Slack closed the socket.")
        return frame.data if frame.opcode == TEXT else None

    def acknowledge(self, envelope: str, answer: dict[str, object] | None = None) -> None:
        more = {} if answer is None else {"payload": answer}
        self._send(text=msgspec.json.encode({"envelope_id": envelope, **more}).decode())

    def close(self) -> None:
        self._connection.disconnect()

    def _send(self, *, text: str = "", pong: bytes = b"", ping: bool = False) -> None:
        from slack_sdk.errors import SlackClientNotConnectedError

        try:
            if text:
                self._connection.send(text)
            elif ping:
                self._connection.ping("meshclaw")
            else:
                self._connection.pong(pong)
        except (OSError, SlackClientNotConnectedError) as error:
            raise NotReachable("Slack's socket takes nothing any more.") from error


def open_link(client: Client, *, pulse_s: float = PULSE_S, dead_s: float = DEAD_S) -> Link:
    """Raises what the Web API says, and NotReachable where the socket cannot be opened."""
    from slack_sdk.proxy_env_variable_loader import load_http_proxy_from_env
    from slack_sdk.socket_mode.builtin.connection import Connection

    url = _checked(client.read("apps.connections.open", _Ticket, by="app").url)
    wrong: list[Exception] = []
    connection = Connection(
        url, wire, ping_interval=pulse_s, receive_timeout=10, on_error_listener=wrong.append,
        proxy=load_http_proxy_from_env(wire),
    )  # fmt: skip
    connection.connect()  # never raises
    if not connection.is_active():
        how = type(wrong[0]).__name__ if wrong else "the handshake was refused"
        raise NotReachable(f"Slack's socket cannot be opened ({how}).")
    return Link(connection, pulse_s=pulse_s, dead_s=dead_s)


def _checked(url: str) -> str:
    """The ticket opens the socket, so it goes over TLS, or stays on this machine."""
    try:
        parts = urlsplit(url)
        safe = (parts.scheme == "wss" and parts.port in (None, 443)) or is_loopback(parts.hostname or "")
    except ValueError as error:
        raise Garbled("Slack names no address for its socket.") from error
    if not safe:
        raise Refused("Slack names an address for its socket that is not safe.")
    return url
