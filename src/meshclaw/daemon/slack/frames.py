"""Frames of a WebSocket as a server sends them (RFC 6455 §5), read from a connection that somebody else opened.

slack_sdk's own reading loses what a time-out cuts in two, and turns round without a pause where the other side is gone.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from meshclaw.errors import Garbled, NotReachable

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
CONTINUED = 0x0
MOST = 4 * 1024 * 1024
"""Bytes of one message; Slack's are far smaller."""


class Frame(NamedTuple):
    opcode: int
    data: bytes


class Frames:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._fresh = True
        self._parts: list[bytes] = []
        """Of a message that comes in several frames."""

    def next(self, seconds: float) -> Frame | None:
        """A whole message or control frame; None where nothing came. NotReachable where the connection ended."""
        while (frame := self._taken()) is None:
            self._sock.settimeout(seconds)
            try:
                data = self._sock.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise NotReachable(f"Slack's socket broke off ({type(error).__name__}).") from error
            if not data:
                raise NotReachable("Slack's socket ended without a word.")
            if self._fresh:  # slack_sdk leaves the handshake's last line feed; no frame begins like one
                data, self._fresh = data.removeprefix(b"\n"), False
            self._buffer += data
        return frame

    def _taken(self) -> Frame | None:
        while (found := _parsed(self._buffer)) is not None:
            final, opcode, start, end = found
            data = bytes(self._buffer[start:end])
            del self._buffer[:end]
            if opcode >= CLOSE:
                return Frame(opcode, data)
            self._parts.append(data)
            if sum(map(len, self._parts)) > MOST:
                raise Garbled("Slack's socket sent more than fits one message.")
            if final:
                whole, self._parts = b"".join(self._parts), []
                return Frame(TEXT, whole)
        return None


def _parsed(buffer: bytearray) -> tuple[bool, int, int, int] | None:
    """Whether it is the last of its message, its opcode, where its data starts and ends; None while it is not whole."""
    if len(buffer) < 2:
        return None
    length, start = buffer[1] & 0x7F, 2
    if buffer[1] & 0x80:
        raise Garbled("Slack's socket sent a masked frame, which no server may.")
    if length > 125:
        start = 4 if length == 126 else 10
        if len(buffer) < start:
            return None
        length = struct.unpack("!H" if start == 4 else "!Q", buffer[2:start])[0]
    if length > MOST:
        raise Garbled("Slack's socket sent more than fits one message.")
    if len(buffer) < start + length:
        return None
    return bool(buffer[0] & 0x80), buffer[0] & 0x0F, start, start + length
