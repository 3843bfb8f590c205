"""The proxy: every connection out of a sandbox is judged here by name, by address and, where a rule says so, by what
is asked. It runs in a thread of its own and speaks HTTP/1 to the command: CONNECT, or requests for http:// targets.

A host that is allowed whole gets a tunnel, once its TLS greeting names that host. Where a rule names methods or
paths, or a secret is bound to the host, TLS ends here and begins again, so that each request can be read.
Redirects are the client's to follow: they come back as a request of their own.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property

import msgspec

from meshclaw.flow.egress import EgressPass, EgressRefusal
from meshclaw.guard.sandbox.egress import request as http
from meshclaw.guard.sandbox.egress.addresses import Address, look_up, public
from meshclaw.guard.sandbox.egress.authority import Authority
from meshclaw.guard.sandbox.egress.hello import read_hello
from meshclaw.guard.sandbox.egress.refuse import Refuse
from meshclaw.guard.sandbox.egress.request import Place, Request
from meshclaw.guard.sandbox.egress.rules import Rule, is_address, judge, judge_host
from meshclaw.guard.sandbox.egress.secret import Secret, Vault, Watch
from meshclaw.guard.sandbox.egress.streams import (
    CONNECT_S,
    HEAD_S,
    Pipe,
    begin_tunnel,
    close,
    copy,
    is_ourselves,
    next_request,
    say_no,
)

_AT_ONCE = 128
_TOLD = 1000
"""Facts kept of each kind; a command can make more than anybody would read."""
_HIDES_ECHO = frozenset(("accept-encoding", "range", "if-range"))
"""With these a server could send a secret back in a form that is not recognised."""


class Asked(msgspec.Struct):
    """What is known of a connection so far, for the record of its refusal."""

    place: Place | None = None
    method: str = ""
    in_tunnel: bool = False
    """The client now expects TLS, so an answer in words would not be understood."""


class Proxy:
    """Runs in an event loop; ``Egress`` gives it one."""

    def __init__(
        self,
        rules: Sequence[Rule],
        secrets: Sequence[Secret],
        *,
        resolve: Callable[[str, int], Awaitable[Sequence[Address]]] = look_up,
        reachable: Callable[[Address], bool] = public,
        upstream: ssl.SSLContext | None = None,
    ) -> None:
        self.refused: list[EgressRefusal] = []
        self.passed: list[EgressPass] = []
        self.vault = Vault(secrets)
        self._rules = tuple(rules)
        self._resolve = resolve
        self._reachable = reachable
        self._given_upstream = upstream
        self._tasks: set[asyncio.Task[None]] = set()

    @cached_property
    def authority(self) -> Authority | None:
        """None where every host is allowed whole and nothing has to be read."""
        reads = self.vault.sentinels or any(rule.looks_inside for rule in self._rules)
        return Authority() if reads else None

    @cached_property
    def _upstream(self) -> ssl.SSLContext:
        return self._given_upstream or ssl.create_default_context()

    async def start(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=http.MOST_HEAD)

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_default_executor()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task and len(self._tasks) < _AT_ONCE:
            self._tasks.add(task)
            try:
                await self._answer(Pipe(reader, writer))
            except asyncio.CancelledError:
                pass  # the run has ended; what streams would log about it helps nobody
            finally:
                self._tasks.discard(task)
        await close(writer)

    async def _answer(self, client: Pipe) -> None:
        asked = Asked()
        try:
            request = await next_request(client)
            if request is None:
                return
            asked.method = request.method
            if request.method == "CONNECT":
                await self._connect(client, request, asked)
            else:
                asked.place, target = http.absolute(request)
                addresses = await self._admitted(request, asked.place, target)
                await self._exchange(client, request, asked.place, target, addresses, tls=False)
        except Refuse as refusal:
            self._record(refusal, asked)
            if not asked.in_tunnel:
                await say_no(client.writer, refusal)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one of the two sides has gone, which the other sees by its closed connection

    async def _connect(self, client: Pipe, request: Request, asked: Asked) -> None:
        asked.place = where = http.place(request.target)
        http.same_host(request, where, default=where.port)
        for _, value in request.headers:
            self.vault.check(value, None)
        verdict = judge_host(self._rules, where.host, where.port)
        if verdict.rule:
            raise Refuse(verdict.rule, verdict.reason)
        addresses = await self._addresses(where)
        if self._must_read(where) and self.authority:
            asked.in_tunnel = await begin_tunnel(client)
            context = self.authority.context(where.host)
            await client.writer.start_tls(context, ssl_handshake_timeout=HEAD_S)
            asked.in_tunnel = False
            await self._read_inside(client, where, addresses, asked)
        else:
            await self._tunnel(client, where, addresses, asked)

    def _must_read(self, where: Place) -> bool:
        named = [rule for rule in self._rules if rule.names(where.host, where.port)]
        return self.vault.bound(where) or all(rule.looks_inside for rule in named)

    async def _tunnel(self, client: Pipe, where: Place, addresses: Sequence[Address], asked: Asked) -> None:
        async with self._opened(where, addresses, tls=False) as (server, address):
            asked.in_tunnel = await begin_tunnel(client)
            async with asyncio.timeout(HEAD_S):
                hello = await read_hello(client.reader)
            if hello.server_name.lower().removesuffix(".") != where.host and (
                hello.server_name or not is_address(where.host)
            ):
                raise Refuse("egress.tls", "the tunnel's TLS greeting names another host than CONNECT did")
            self._pass(where, address, "CONNECT")
            server.writer.write(hello.raw)
            await asyncio.gather(copy(client.reader, server.writer), copy(server.reader, client.writer))

    async def _read_inside(
        self, client: Pipe, where: Place, addresses: Sequence[Address], asked: Asked
    ) -> None:
        request = await next_request(client)
        if request is None:
            return
        asked.method = request.method
        http.same_host(request, where, default=443)
        target = http.origin(request.target)
        self._judge(request, where, target)
        await self._exchange(client, request, where, target, addresses, tls=True)

    async def _admitted(self, request: Request, where: Place, target: str) -> Sequence[Address]:
        self._judge(request, where, target)
        return await self._addresses(where)

    def _judge(self, request: Request, where: Place, target: str) -> None:
        verdict = judge(self._rules, host=where.host, port=where.port, method=request.method, target=target)
        if verdict.rule:
            raise Refuse(verdict.rule, verdict.reason)
        if request.method in ("TRACE", "CONNECT"):
            raise Refuse("egress.method", f"{request.method} is never passed on")

    async def _exchange(
        self,
        client: Pipe,
        request: Request,
        where: Place,
        target: str,
        addresses: Sequence[Address],
        *,
        tls: bool,
    ) -> None:
        """One request and its answer; then both connections end, so that nothing can follow unseen."""
        trusted = where if tls else None
        self.vault.check(target, trusted)
        headers, used = self.vault.swap(request.headers, trusted)
        values = self.vault.values(where) if tls else ()
        kept = [(name, value) for name, value in headers if not (values and name in _HIDES_ECHO)]
        async with self._opened(where, addresses, tls=tls) as (server, address):
            self._pass(where, address, request.method, used)
            server.writer.write(http.head(request, where, target, kept, default=443 if tls else 80))
            if request.continues:
                client.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            watch = Watch(self.vault.foreign(trusted))
            async for part in http.body(client.reader, request.length):
                if watch.found(part):
                    raise Refuse("egress.secret", "the body holds the sentinel of a secret for another host")
                server.writer.write(http.framed(part, request.length))
                await server.writer.drain()
            if request.length < 0:
                server.writer.write(b"0\r\n\r\n")
            await server.writer.drain()
            await copy(server.reader, client.writer, Watch(values))

    async def _addresses(self, where: Place) -> Sequence[Address]:
        """Looked up once; what is judged here is what is connected to."""
        if is_address(where.host):
            found: Sequence[Address] = (ipaddress.ip_address(where.host),)
        else:
            async with asyncio.timeout(CONNECT_S):
                found = await self._resolve(where.host, where.port)
        if not found:
            raise Refuse("egress.unreachable", f"{where.host} has no address")
        for address in found:
            if not self._reachable(address):
                raise Refuse(
                    "egress.address", f"{where.host} leads to {address}, which is not on the internet"
                )
        return found

    @asynccontextmanager
    async def _opened(
        self, where: Place, addresses: Sequence[Address], *, tls: bool
    ) -> AsyncGenerator[tuple[Pipe, Address]]:
        pipe, address = await self._open(where, addresses, tls=tls)
        try:
            yield pipe, address
        finally:
            await close(pipe.writer)

    async def _open(self, where: Place, addresses: Sequence[Address], *, tls: bool) -> tuple[Pipe, Address]:
        secured = self._upstream if tls else None
        named = where.host if tls else None
        problem: OSError | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_S):
                    pipe = Pipe(
                        *await asyncio.open_connection(
                            str(address), where.port, ssl=secured, server_hostname=named
                        )
                    )
            except ssl.SSLError as error:
                raise Refuse(
                    "egress.tls", f"{where.host} has no certificate that holds ({error.reason})"
                ) from error
            except OSError as error:
                problem = error
                continue
            if is_ourselves(pipe.writer) and not address.is_loopback:
                await close(pipe.writer)
                raise Refuse("egress.address", f"{where.host} leads to this machine")
            return pipe, address
        raise Refuse("egress.unreachable", f"{where} does not answer") from problem

    def _record(self, refusal: Refuse, asked: Asked) -> None:
        if len(self.refused) < _TOLD:
            where = asked.place
            self.refused.append(
                EgressRefusal(
                    rule=refusal.rule, reason=refusal.reason, method=asked.method,
                    host=where.host if where else "", port=where.port if where else 0,
                )
            )  # fmt: skip

    def _pass(self, where: Place, address: Address, method: str, secrets: tuple[str, ...] = ()) -> None:
        if len(self.passed) < _TOLD:
            self.passed.append(
                EgressPass(
                    host=where.host, port=where.port, address=str(address), method=method, secrets=secrets
                )
            )
