"""The name a client asks for when it begins TLS (RFC 8446 section 4.1.2, RFC 6066 section 3)."""

from __future__ import annotations

import asyncio

import msgspec

from meshclaw.guard.sandbox.egress.refuse import Refuse

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ENCRYPTED_HELLO = 0, 0xFE0D
_MOST = 1 << 15


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    raw: bytes
    """Everything read so far, to be passed on."""
    server_name: str
    """Empty where none was given."""


async def read_hello(reader: asyncio.StreamReader) -> Hello:
    """Raises Refuse for anything that is no ClientHello, and for one that hides a second name inside."""
    raw, message = b"", b""
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4]):
        head = await reader.readexactly(5)
        length = int.from_bytes(head[3:5])
        if head[0] != _HANDSHAKE or head[1] != 3 or not length or len(raw) + length > _MOST:
            raise Refuse("egress.tls", "what came through the tunnel is not TLS")
        part = await reader.readexactly(length)
        raw += head + part
        message += part
    if message[0] != _CLIENT_HELLO:
        raise Refuse("egress.tls", "what came through the tunnel is not TLS")
    try:
        return Hello(raw=raw, server_name=_server_name(message[4 : 4 + int.from_bytes(message[1:4])]))
    except (IndexError, UnicodeDecodeError) as error:
        raise Refuse("egress.tls", "the tunnel's TLS greeting is broken") from error


def _server_name(body: bytes) -> str:
    rest = _Bytes(body[34:])  # version and random
    rest.vector(1)  # session
    rest.vector(2)  # cipher suites
    rest.vector(1)  # compression
    names: list[str] = []
    extensions = _Bytes(rest.vector(2)) if rest.left else _Bytes(b"")
    while extensions.left:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _ENCRYPTED_HELLO:
            raise Refuse("egress.tls", "the tunnel hides the name it asks for (encrypted ClientHello)")
        if kind == _SERVER_NAME:
            entries = _Bytes(_Bytes(content).vector(2))
            while entries.left:
                entries.number(1)
                names.append(entries.vector(2).decode("ascii"))
    if len(names) > 1:
        raise Refuse("egress.tls", "the tunnel asks for more than one name")
    return names[0] if names else ""


class _Bytes:
    """Reads numbers and length-prefixed vectors; IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def take(self, length: int) -> bytes:
        if length > len(self.left):
            raise IndexError
        taken, self.left = self.left[:length], self.left[length:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))
