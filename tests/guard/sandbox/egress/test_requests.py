"""Requests that can be read in two ways, and more of them than anybody needs."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from meshclaw.guard.sandbox.egress.rules import Rule
from tests.guard.sandbox.egress.way import (
    GET,
    GOOD,
    POST,
    get,
    proxy,
)
from tests.servers import web
from tests.servers.web import Web

BROKEN: dict[str, tuple[str, str]] = {
    "length and chunks": (
        POST + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "egress.request",
    ),
    "two lengths": (
        POST + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "egress.request",
    ),
    "length with a sign": (POST + "Content-Length: +4\r\n\r\nabcd", "egress.request"),
    "length list": (POST + "Content-Length: 4, 4\r\n\r\nabcd", "egress.request"),
    "coding in disguise": (
        POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "egress.request",
    ),
    "coding twice": (
        POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "egress.request",
    ),
    "space before the colon": ("GET http://{place}/ HTTP/1.1\r\nHost : {place}\r\n\r\n", "egress.request"),
    "folded header": (GET + "X: a\r\n b\r\n\r\n", "egress.request"),
    "bare line feed": ("GET http://{place}/ HTTP/1.1\r\nHost: {place}\nX: y\r\n\r\n", "egress.request"),
    "bare return": (GET + "X: a\rY: b\r\n\r\n", "egress.request"),
    "nul": (GET + "X: a\x00b\r\n\r\n", "egress.request"),
    "two hosts": (GET + "Host: evil.example\r\n\r\n", "egress.request"),
    "no host": ("GET http://{place}/ HTTP/1.1\r\n\r\n", "egress.request"),
    "another host": ("GET http://{place}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", "egress.host"),
    "another port": ("GET http://{place}/ HTTP/1.1\r\nHost: good.example:1\r\n\r\n", "egress.host"),
    "another target by header": (
        GET + "X-Original-URL: /admin\r\n\r\n", "egress.request",
    ),
    "another method by header": (
        POST + "X-HTTP-Method-Override: DELETE\r\n\r\n", "egress.request",
    ),
    "no absolute target": ("GET / HTTP/1.1\r\nHost: {place}\r\n\r\n", "egress.request"),
    "https in the clear": ("GET https://{place}/ HTTP/1.1\r\nHost: {place}\r\n\r\n", "egress.request"),
    "file": ("GET file:///etc/passwd HTTP/1.1\r\nHost: {place}\r\n\r\n", "egress.request"),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "egress.request"),
    "HTTP/0.9": ("GET http://{place}/\r\n\r\n", "egress.request"),
    "two spaces": ("GET  http://{place}/ HTTP/1.1\r\nHost: {place}\r\n\r\n", "egress.request"),
    "tab": ("GET\thttp://{place}/ HTTP/1.1\r\nHost: {place}\r\n\r\n", "egress.request"),
    "fragment": ("GET http://{place}/#@evil.example HTTP/1.1\r\nHost: {place}\r\n\r\n", "egress.request"),
    "TRACE": ("TRACE http://{place}/ HTTP/1.1\r\nHost: {place}\r\n\r\n", "egress.method"),
    "too long": (GET + "X: " + "a" * 70_000 + "\r\n\r\n", "egress.request"),
    "garbage": ("\x00\x01\x02\r\n\r\n", "egress.request"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "rule"), BROKEN.values(), ids=BROKEN.keys())
def test_a_request_that_can_be_read_in_two_ways_is_read_in_none(raw: str, rule: str, plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        said = way.say(raw.replace("{place}", f"{GOOD}:{plain.port}"))
        assert not said or said.startswith(b"HTTP/1.1 403")
        assert way.rule() == rule
    assert not plain.requests


def test_a_second_request_behind_the_first_goes_nowhere(plain: Web) -> None:
    """Smuggling: what stands behind the body belongs to nobody."""
    place = f"{GOOD}:{plain.port}"
    hidden = get("http://evil.example/hidden", "evil.example")
    body = f"POST http://{place}/ HTTP/1.1\r\nHost: {place}\r\nContent-Length: 3\r\n\r\nabc"
    chunks = POST.replace("{place}", place) + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        for raw in (body, chunks):
            assert way.say(raw + hidden).count(b"HTTP/1.1 200") == 1
    assert len(plain.requests) == 2
    assert not any(b"hidden" in request for request in plain.requests)


@pytest.mark.parametrize(
    "chunk",
    [
        "x\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
    ],
)
def test_a_broken_chunk_is_never_passed_on_whole(chunk: str, plain: Web) -> None:
    place = f"{GOOD}:{plain.port}"
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        way.say(
            f"POST http://{place}/ HTTP/1.1\r\nHost: {place}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
        )
        assert way.rule() == "egress.request"
    assert not any(request.endswith(b"0\r\n\r\n") for request in plain.requests)


def test_a_redirect_out_of_the_list_is_a_request_of_its_own(plain: Web) -> None:
    plain.answers["/go"] = web.answer(
        b"", status="302 Found", more="Location: http://169.254.169.254/latest/\r\n"
    )
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{way.port}"})
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            opener.open(f"http://{GOOD}:{plain.port}/go", timeout=5)
        refused.value.close()
        assert refused.value.code == 403
        assert way.rule() == "egress.host"


def test_a_client_that_says_nothing_holds_nobody_up(plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        silent = [socket.create_connection(("127.0.0.1", way.port)) for _ in range(20)]
        place = f"{GOOD}:{plain.port}"
        assert way.say(get(f"http://{place}/", place)).startswith(b"HTTP/1.1 200")
        for one in silent:
            one.close()


def test_more_connections_than_anybody_needs_are_turned_away(plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        silent = [socket.create_connection(("127.0.0.1", way.port)) for _ in range(140)]
        place = f"{GOOD}:{plain.port}"
        assert way.say(get(f"http://{place}/", place)) == b""
        for one in silent:
            one.close()
