"""A secret reaches its own host, and nothing and nobody else."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from meshclaw.guard.sandbox.egress.rules import Rule
from tests.guard.sandbox.egress.way import (
    GOOD,
    OTHER,
    POST,
    VALUE,
    get,
    our_trust,
    proxy,
    secret,
    tunnelled,
)
from tests.servers import web
from tests.servers.web import Web

Header = Callable[[str], str]
CARRIES: dict[str, Header] = {
    "bearer": lambda token: f"Authorization: Bearer {token}\r\n",
    "basic": lambda token: f"Authorization: Basic {base64.b64encode(f'x:{token}'.encode()).decode()}\r\n",
    "own header": lambda token: f"X-Api-Key: {token}\r\n",
}


@pytest.mark.parametrize("header", CARRIES.values(), ids=CARRIES.keys())
def test_a_sentinel_becomes_the_secret_for_its_host_alone(
    header: Header, secure: Web, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    rules = (Rule(host=GOOD, port=secure.port), Rule(host=OTHER, port=secure.port, paths=("/x",)))
    secure.answers["/x"] = web.answer(b"done")
    with proxy(*rules, secrets=[secret(secure.port)], upstream=trusting) as way:
        sentinel = way.egress.environment(0, "")["TOKEN"]
        ours = our_trust(way.egress, tmp_path)
        for host, status in ((GOOD, b"200"), (OTHER, b"403")):
            place = f"{host}:{secure.port}"
            said = tunnelled(way, place, host, ours, get("/x", place, header(sentinel)))
            assert said.startswith(b"HTTP/1.1 " + status), (host, said)
        assert way.rule() == "egress.secret"
        assert VALUE not in sentinel
        assert [one.secrets for one in way.egress.passed] == [("TOKEN",)]
        assert VALUE not in repr(way.egress.refused) + repr(secret(443))
    (request,) = secure.requests
    assert header(VALUE).lower().split(": ")[1].strip() in request.decode().lower()
    assert sentinel.encode() not in request


def test_a_sentinel_elsewhere_is_refused_in_every_part_of_a_request(plain: Web) -> None:
    place = f"{GOOD}:{plain.port}"
    with proxy(Rule(host=GOOD, port=plain.port), secrets=[secret(443)]) as way:
        sentinel = way.egress.environment(0, "")["TOKEN"]
        halves = f"9\r\n{sentinel[:9]}\r\n{len(sentinel) - 9:x}\r\n{sentinel[9:]}\r\n0\r\n\r\n"
        attempts = [
            get(f"http://{place}/{sentinel}", place),
            get(f"http://{place}/?q={sentinel}", place),
            get(f"http://{place}/", place, f"X: {sentinel}\r\n"),
            f"POST http://{place}/ HTTP/1.1\r\nHost: {place}\r\nContent-Length: {len(sentinel)}\r\n\r\n{sentinel}",
            POST.replace("{place}", place) + "Transfer-Encoding: chunked\r\n\r\n" + halves,
        ]
        for attempt in attempts:
            assert not way.say(attempt).startswith(b"HTTP/1.1 200")
        assert [one.rule for one in way.egress.refused] == ["egress.secret"] * len(attempts)
    assert not any(sentinel.encode() in request for request in plain.requests)


def test_a_secret_is_not_sent_in_the_clear(plain: Web) -> None:
    place = f"{GOOD}:{plain.port}"
    with proxy(Rule(host=GOOD, port=plain.port), secrets=[secret(plain.port)]) as way:
        sentinel = way.egress.environment(0, "")["TOKEN"]
        assert way.say(get(f"http://{place}/", place, f"X: {sentinel}\r\n")).startswith(b"HTTP/1.1 403")
        assert way.rule() == "egress.secret"
    assert not plain.requests


def test_a_secret_that_its_host_sends_back_does_not_come_in(
    secure: Web, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    """An echo of the request's headers, as debugging pages give it."""
    with proxy(Rule(host=GOOD, port=secure.port), secrets=[secret(secure.port)], upstream=trusting) as way:
        sentinel = way.egress.environment(0, "")["TOKEN"]
        place = f"{GOOD}:{secure.port}"
        more = f"Authorization: Bearer {sentinel}\r\nAccept-Encoding: gzip\r\nRange: bytes=0-9\r\n"
        said = tunnelled(way, place, GOOD, our_trust(way.egress, tmp_path), get("/headers", place, more))
        assert VALUE.encode() not in said
        assert way.rule() == "egress.secret"
    assert b"gzip" not in secure.requests[0]
    assert b"range" not in secure.requests[0]
