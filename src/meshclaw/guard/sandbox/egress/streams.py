"""The two ends of a connection through the proxy, and the few things that are done with them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from meshclaw.guard.sandbox.egress import request as http
from meshclaw.guard.sandbox.egress.refuse import Refuse
from meshclaw.guard.sandbox.egress.request import Request
from meshclaw.guard.sandbox.egress.secret import Watch

HEAD_S, CONNECT_S, IDLE_S = 30.0, 10.0, 300.0
_PART = 1 << 16


class Pipe(msgspec.Struct, frozen=True):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def next_request(client: Pipe) -> Request | None:
    async with asyncio.timeout(HEAD_S):
        return await http.read_request(client.reader)


async def begin_tunnel(client: Pipe) -> bool:
    client.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await client.writer.drain()
    return True


async def copy(source: asyncio.StreamReader, to: asyncio.StreamWriter, watch: Watch | None = None) -> None:
    """Until the source ends, or is silent for too long."""
    while True:
        async with asyncio.timeout(IDLE_S):
            part = await source.read(_PART)
        if not part:
            break
        if watch and watch.found(part):
            raise Refuse("egress.secret", "the host sent the secret back, which must not come in")
        to.write(part)
        await to.drain()
    if to.can_write_eof():
        to.write_eof()


async def say_no(writer: asyncio.StreamWriter, refusal: Refuse) -> None:
    status = "502 Bad Gateway" if refusal.rule == "egress.unreachable" else "403 Forbidden"
    text = f"The sandbox refused this ({refusal.rule}): {refusal.reason}.\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
    with suppress(OSError):
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + text)
        await writer.drain()


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()


def is_ourselves(writer: asyncio.StreamWriter) -> bool:
    return writer.get_extra_info("sockname")[0] == writer.get_extra_info("peername")[0]
