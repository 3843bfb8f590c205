"""Entries 38 to 41: the way out of a sandbox."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress

import trustme

from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.run import run
from tests.guard.catalogue.case import Chapter
from tests.guard.catalogue.stage import Happened, Stage, need_sandbox, stopped
from tests.guard.sandbox.box import python, small
from tests.guard.sandbox.egress.test_hosts import HOSTS
from tests.guard.sandbox.egress.test_requests import BROKEN
from tests.guard.sandbox.egress.way import GOOD, INSIDE, OTHER, get, proxy, tunnelled
from tests.servers import web

CHAPTER = Chapter("Network", [])


@CHAPTER.case(38, "Requests to metadata and private addresses, in any spelling, by DNS or by a redirect",
              stopped=("egress.address", "egress.host"))  # fmt: skip
def inside(_: Stage) -> Iterator[Happened]:
    with web.running() as server:
        for host in (*HOSTS.values(), INSIDE, "mixed.example"):
            rules = [Rule(host=name, port=server.port) for name in (GOOD, INSIDE, "mixed.example")]
            with proxy(*rules) as way:
                way.say(get(f"http://{host}:{server.port}/", f"{host}:{server.port}"))
                yield stopped(way.rule())
        with proxy(Rule(host=GOOD, port=server.port)) as way:  # rebinding: judged once more at each look
            way.names.answers[GOOD] = [[web.ADDRESS], ["169.254.169.254"]]
            line = get(f"http://{GOOD}:{server.port}/", f"{GOOD}:{server.port}")
            assert way.say(line).startswith(b"HTTP/1.1 200")
            way.say(line)
            yield stopped(way.rule())
        assert len(server.requests) == 1


@CHAPTER.case(39, "A program that ignores the proxy", stopped=("sandbox",))
def ignored(stage: Stage) -> Iterator[Happened]:
    need_sandbox()
    for deed in (
        "create_connection(('1.1.1.1', 443), 2)",
        "getaddrinfo('example.com', 80)",
        "socket(socket.AF_UNIX)",
    ):
        assert run(small(stage.work), python(f"import socket\nsocket.{deed}")).code == 1, deed
        yield stopped("sandbox")


@CHAPTER.case(40, "A tunnel to a mail or shell port, or one that carries something else",
              stopped=("egress.port", "egress.tls"))  # fmt: skip
def tunnels(_: Stage) -> Iterator[Happened]:
    for port in (22, 25, 465, 6379):
        with proxy(Rule(host=GOOD)) as way:
            way.say(get(f"{GOOD}:{port}", f"{GOOD}:{port}", method="CONNECT"))
            yield stopped(way.rule())
    with web.running() as server, proxy(Rule(host=GOOD, port=server.port)) as way:
        way.say(get(f"{GOOD}:{server.port}", f"{GOOD}:{server.port}", method="CONNECT"), b"EHLO x\r\n")
        yield stopped(way.rule())


@CHAPTER.case(41, "Smuggled requests; one host in the tunnel, another inside",
              stopped=("egress.host", "egress.method", "egress.request", "egress.tls"))  # fmt: skip
def smuggled(_: Stage) -> Iterator[Happened]:
    with web.running() as server:
        for raw, _rule in BROKEN.values():
            with proxy(Rule(host=GOOD, port=server.port)) as way:
                way.say(raw.replace("{place}", f"{GOOD}:{server.port}"))
                yield stopped(way.rule())
        assert not server.requests
    authority, context = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(context)
    with web.running(authority, (GOOD, OTHER)) as secure, proxy(Rule(host=GOOD, port=secure.port)) as way:
        with suppress(OSError):
            tunnelled(way, f"{GOOD}:{secure.port}", OTHER, context, get("/", OTHER))
        yield stopped(way.rule())
