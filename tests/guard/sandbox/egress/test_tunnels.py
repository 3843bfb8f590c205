"""TLS: what a tunnel carries, and what holds inside one that is read."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from meshclaw.guard.sandbox.egress.rules import Rule
from tests.guard.sandbox.egress.way import (
    GOOD,
    OTHER,
    get,
    narrowed,
    our_trust,
    proxy,
    tunnelled,
)
from tests.servers.web import Web


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-x\r\n", b"EHLO x\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x00"]
)
def test_a_tunnel_carries_nothing_but_tls(first: bytes, plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        way.say(get(f"{GOOD}:{plain.port}", f"{GOOD}:{plain.port}", method="CONNECT"), first)
        assert way.rule() == "egress.tls"
    assert not plain.requests


def test_a_tunnel_to_a_host_that_is_allowed_whole_is_its_own(secure: Web, trusting: ssl.SSLContext) -> None:
    with proxy(Rule(host=GOOD, port=secure.port)) as way:
        said = tunnelled(way, f"{GOOD}:{secure.port}", GOOD, trusting, get("/", GOOD))
        assert said.startswith(b"HTTP/1.1 200")
        assert [one.method for one in way.egress.passed] == ["CONNECT"]


def test_a_greeting_for_another_host_ends_the_tunnel(secure: Web, trusting: ssl.SSLContext) -> None:
    """Domain fronting: CONNECT to one name, TLS to another behind the same address."""
    with proxy(Rule(host=GOOD, port=secure.port)) as way:
        with pytest.raises((ssl.SSLError, OSError)):
            tunnelled(way, f"{GOOD}:{secure.port}", OTHER, trusting, get("/", OTHER))
        assert way.rule() == "egress.tls"
    assert not secure.requests


def test_a_greeting_without_a_name_ends_the_tunnel(secure: Web) -> None:
    blind = ssl.create_default_context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    with proxy(Rule(host=GOOD, port=secure.port)) as way:
        with pytest.raises((ssl.SSLError, OSError)):
            tunnelled(way, f"{GOOD}:{secure.port}", "", blind, get("/", GOOD))
        assert way.rule() == "egress.tls"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("GET /repos/ours", ""),
        ("GET /repos/ours/pulls?page=2", ""),
        ("GET /repos/ours?next=/../x", ""),
        ("GET /repos/oursx", "egress.path"),
        ("GET /repos/theirs", "egress.path"),
        ("GET /", "egress.path"),
        ("GET /repos/ours/../theirs", "egress.path"),
        ("GET /repos/ours/..", "egress.path"),
        ("GET /repos/ours/%2e%2e/theirs", "egress.path"),
        ("GET /repos/ours/%2E./theirs", "egress.path"),
        ("GET /repos/ours%2f..%2ftheirs", "egress.path"),
        ("GET /repos/ours/..%5ctheirs", "egress.path"),
        ("GET /repos/ours/%252e%252e/theirs", "egress.path"),
        ("GET /repos/ours/..;/theirs", "egress.path"),
        ("GET /repos/ours//x", "egress.path"),
        ("GET //repos/ours", "egress.path"),
        ("POST /repos/ours", "egress.method"),
        ("DELETE /repos/ours/x", "egress.method"),
        ("get /repos/ours", "egress.request"),
        ("GET https://evil.example/repos/ours", "egress.request"),
    ],
)
def test_methods_and_paths_hold_inside_tls(
    line: str, rule: str, secure: Web, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    with proxy(narrowed(secure.port), upstream=trusting) as way:
        ours = our_trust(way.egress, tmp_path)
        place = f"{GOOD}:{secure.port}"
        said = tunnelled(way, place, GOOD, ours, f"{line} HTTP/1.1\r\nHost: {place}\r\n\r\n")
        if rule:
            assert said.startswith(b"HTTP/1.1 403")
            assert way.rule() == rule
            assert not secure.requests
        else:
            assert said.startswith(b"HTTP/1.1 200")
            assert [one.method for one in way.egress.passed] == ["GET"]


def test_inside_tls_the_host_header_is_held_to_the_tunnel(
    secure: Web, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    with proxy(narrowed(secure.port), upstream=trusting) as way:
        place = f"{GOOD}:{secure.port}"
        said = tunnelled(way, place, GOOD, our_trust(way.egress, tmp_path), get("/repos/ours", OTHER))
        assert said.startswith(b"HTTP/1.1 403")
        assert way.rule() == "egress.host"


def test_a_server_whose_certificate_does_not_hold_gets_nothing(secure: Web, tmp_path: Path) -> None:
    with proxy(narrowed(secure.port)) as way:  # trusts the system's authorities alone
        place = f"{GOOD}:{secure.port}"
        said = tunnelled(way, place, GOOD, our_trust(way.egress, tmp_path), get("/repos/ours", place))
        assert said.startswith(b"HTTP/1.1 403")
        assert way.rule() == "egress.tls"
    assert not secure.requests
