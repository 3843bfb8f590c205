"""One HTTP/1 request, read so strictly that nobody behind us can read it differently (RFC 9112)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import msgspec

from meshclaw.guard.sandbox.egress.refuse import Refuse
from meshclaw.guard.sandbox.egress.rules import name

MOST_HEAD = 1 << 16
_PART = 1 << 16
_LINE = re.compile(rb"([A-Z]{1,20}) ([!-~]+) HTTP/1\.([01])")
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*"
)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~]*)?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:@/\[\]]+)(?::([0-9]{1,5}))?")
_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer",
     "upgrade", "expect", "transfer-encoding", "content-length", "host", "http2-settings")
)  # fmt: skip
_OTHER_METHOD = frozenset(("x-http-method", "x-http-method-override", "x-method-override"))
_OTHER_TARGET = frozenset(("x-original-url", "x-rewrite-url", "x-forwarded-host", "x-host", "forwarded"))


class Place(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    """Names in lower case, values in Latin-1, as they came."""
    length: int
    """Of the body; -1 where it comes in chunks."""
    continues: bool
    """The client waits for ``100 Continue``."""

    def header(self, wanted: str) -> str:
        return next((value for name, value in self.headers if name == wanted), "")


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request's head; None where the client has gone. Raises Refuse for one with a second reading."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise _broken("it ends in the middle") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise _broken("its head is too long") from error
    line, *fields = raw[:-4].split(b"\r\n")
    start = _LINE.fullmatch(line)
    if not start:
        raise _broken("its first line")
    headers = [_field(field) for field in fields]
    names = [name for name, _ in headers]
    if names.count("host") > 1 or (b"1" in start[3] and "host" not in names):
        raise _broken("it must name one host")
    if _OTHER_METHOD & set(names) or _OTHER_TARGET & set(names):
        raise _broken("a header asks for another method or target than the request does")
    return Request(
        method=start[1].decode(), target=start[2].decode(), headers=headers,
        length=_length(headers, old=start[3] == b"0"),
        continues=any(name == "expect" for name in names),
    )  # fmt: skip


def _field(field: bytes) -> tuple[str, str]:
    parts = _FIELD.fullmatch(field)
    if not parts:
        raise _broken("a header")
    return parts[1].decode().lower(), parts[2].decode("latin-1")


def _length(headers: Sequence[tuple[str, str]], *, old: bool) -> int:
    lengths = [value for name, value in headers if name == "content-length"]
    codings = [value.lower() for name, value in headers if name == "transfer-encoding"]
    if codings and (codings != ["chunked"] or lengths or old):
        raise _broken("the length of its body can be read in two ways")
    if codings:
        return -1
    if len(lengths) > 1 or not all(
        value.isascii() and value.isdigit() and len(value) < 16 for value in lengths
    ):
        raise _broken("the length of its body can be read in two ways")
    return int(lengths[0]) if lengths else 0


def place(text: str, *, default: int | None = None) -> Place:
    """``host:port`` of CONNECT, of a URL or of the Host header, in the one form of each."""
    parts = _AUTHORITY.fullmatch(text)
    host = name(parts[1]) if parts else None
    port = int(parts[2]) if parts and parts[2] else default
    if not host or port is None or not 0 < port < 65536:
        raise Refuse("egress.host", "it names its host in a way that can be read differently, or none")
    return Place(host=host, port=port)


def absolute(request: Request) -> tuple[Place, str]:
    """Place and target of a request that was sent to the proxy for another host."""
    scheme, _, rest = request.target.partition("://")
    if scheme.lower() != "http":
        raise Refuse("egress.request", "the proxy takes http:// requests and CONNECT only")
    cut = re.search(r"[/?#]", rest)
    authority, target = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "/")
    where = place(authority, default=80)
    same_host(request, where, default=80)
    return where, origin(target if target.startswith("/") else "/" + target)


def origin(target: str) -> str:
    if not target.startswith("/") or "#" in target:
        raise _broken("its target")
    return target


def same_host(request: Request, where: Place, *, default: int) -> None:
    said = request.header("host")
    if said and place(said, default=default) != where:
        raise Refuse("egress.host", "its Host header names another host than the one it is sent to")


def head(
    request: Request, where: Place, target: str, headers: Sequence[tuple[str, str]], *, default: int
) -> bytes:
    """What goes out: our own first line and framing, no hop-by-hop header, one request a connection."""
    named = {
        token.strip().lower() for name, value in headers if name == "connection" for token in value.split(",")
    }
    host = str(where) if where.port != default else str(where).rpartition(":")[0]
    framing = (
        [("transfer-encoding", "chunked")] if request.length < 0
        else [("content-length", str(request.length))] if request.length or request.method in ("POST", "PUT", "PATCH")
        else []
    )  # fmt: skip
    kept = [(name, value) for name, value in headers if name not in _HOP and name not in named]
    lines = [f"{name}: {value}" for name, value in [("host", host), *kept, *framing, ("connection", "close")]]
    return "\r\n".join([f"{request.method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


async def body(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    """The body's own bytes, unframed. Raises Refuse where its chunks do not follow the grammar."""
    if length >= 0:
        async for part in _exactly(reader, length):
            yield part
        return
    while True:
        line = (await reader.readuntil(b"\r\n"))[:-2]
        size = _SIZE.fullmatch(line)
        if not size:
            raise _broken("a chunk of its body")
        if not int(size[1], 16):
            break
        async for part in _exactly(reader, int(size[1], 16)):
            yield part
        if await reader.readexactly(2) != b"\r\n":
            raise _broken("a chunk of its body")
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers are dropped


async def _exactly(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    while length:
        part = await reader.read(min(length, _PART))
        if not part:
            raise _broken("its body ends too early")
        length -= len(part)
        yield part


def framed(part: bytes, length: int) -> bytes:
    return part if length >= 0 else b"%x\r\n%b\r\n" % (len(part), part)


def _broken(what: str) -> Refuse:
    return Refuse("egress.request", f"the request does not follow HTTP: {what}")
