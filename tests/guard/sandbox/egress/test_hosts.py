"""Which hosts, addresses and ports can be reached: real sockets, against servers of our own."""

from __future__ import annotations

import ipaddress

import pytest

from meshclaw.guard.sandbox.egress.addresses import public
from meshclaw.guard.sandbox.egress.rules import Rule
from tests.guard.sandbox.egress.way import (
    GOOD,
    INSIDE,
    get,
    proxy,
)
from tests.servers import web
from tests.servers.web import Web


def test_an_allowed_request_goes_through_in_one_spelling(plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        said = way.say(
            get(f"http://{GOOD.upper()}.:{plain.port}/a?b=c", f"{GOOD}:{plain.port}", "X-One: 1\r\n")
        )
    assert said.startswith(b"HTTP/1.1 200 OK")
    head = plain.requests[0].decode()
    assert head.startswith(f"GET /a?b=c HTTP/1.1\r\nhost: {GOOD}:{plain.port}\r\n")
    assert "x-one: 1" in head
    assert [(one.host, one.address, one.method) for one in way.egress.passed] == [(GOOD, web.ADDRESS, "GET")]


HOSTS = {
    "a host on no list": "evil.example",
    "a host below": f"sub.{GOOD}",
    "a host that ends alike": f"not{GOOD}",
    "metadata": "169.254.169.254",
    "metadata, mapped": "[::ffff:169.254.169.254]",
    "metadata, mapped in hex": "[::ffff:a9fe:a9fe]",
    "hex number": "0x7f000001",
    "decimal number": "2130706433",
    "octal parts": "0177.0.0.1",
    "short form": "127.1",
    "hex parts": "0x7f.0x0.0x0.0x1",
    "dot behind the address": "127.0.0.1.",
    "loopback": "127.0.0.1",
    "loopback, IPv6": "[::1]",
    "unspecified": "0.0.0.0",
    "unspecified, IPv6": "[::]",
    "a zone": "[fe80::1%25lo]",
    "localhost": "localhost",
    "localhost below": "x.localhost",
    "user info": f"{GOOD}@evil.example",
    "user info the other way": f"evil.example@{GOOD}",
    "percent": f"{GOOD}%2eevil.example",
    "percent dot": "good%2eexample",
    "backslash": f"{GOOD}\\@evil.example",
    "nul": f"{GOOD}%00.evil.example",
    "IDN look-alike, punycode": "xn--god-tna.example",
    "empty label": "good..example",
    "two dots behind": f"{GOOD}..",
    "underscore only": "_",
    "too long": "a" * 64 + ".example",
}


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS.keys())
@pytest.mark.parametrize("form", ["request", "tunnel"])
def test_no_other_spelling_leads_elsewhere(host: str, form: str, plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        target = f"{host}:{plain.port}"
        line = (
            get(f"http://{target}/", target) if form == "request" else get(target, target, method="CONNECT")
        )
        said = way.say(line)
        assert said.startswith(b"HTTP/1.1 403"), said
        assert way.rule() in ("egress.host", "egress.request", "egress.address")
        assert not way.names.asked, "not even a question to the name servers"
    assert not plain.requests


@pytest.mark.parametrize(
    "host", ["g\u043e\u043ed.example", "good\u3002example", "g\u00f6od.example", "good.example\u200b"]
)
def test_a_name_beyond_ascii_is_no_host(host: str, plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        assert way.say(get(f"http://{host}:{plain.port}/", GOOD)).startswith(b"HTTP/1.1 403")
        assert way.rule() == "egress.request"


ADDRESSES = {
    "private": "10.0.0.7", "private B": "172.16.5.4", "private C": "192.168.1.1", "loopback": "127.0.0.1",
    "metadata": "169.254.169.254", "carrier": "100.100.100.200", "azure": "168.63.129.16", "this": "0.0.0.0",
    "multicast": "224.0.0.1", "broadcast": "255.255.255.255", "documentation": "192.0.2.1", "benchmark": "198.18.0.1",
    "protocol": "192.0.0.192", "6to4 relay": "192.88.99.1", "reserved": "240.0.0.1", "loopback 6": "::1",
    "any 6": "::", "mapped": "::ffff:10.0.0.7", "mapped metadata": "::ffff:169.254.169.254",
    "compatible": "::10.0.0.7", "nat64": "64:ff9b::a00:7", "nat64 metadata": "64:ff9b::a9fe:a9fe",
    "nat64 local": "64:ff9b:1::a00:7", "6to4": "2002:a00:7::1", "teredo": "2001:0:1::1",
    "unique local": "fd00:ec2::254",
    "link local": "fe80::1",
    "site local": "fec0::1", "multicast 6": "ff02::1", "documentation 6": "2001:db8::1",
    "discard": "100::1", "segments": "5f00::1", "documentation 6, new": "3fff::1",
}  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_what_is_not_the_internet_is_refused_by_address(address: str) -> None:
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_the_internet_is_allowed(address: str) -> None:
    assert public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("host", "rule"),
    [(INSIDE, "egress.address"), ("mixed.example", "egress.address"), ("gone.example", "egress.unreachable")],
)
def test_an_allowed_name_that_leads_inside_is_refused(host: str, rule: str, plain: Web) -> None:
    """A CNAME to an internal name looks the same: the resolver follows it, the address is judged."""
    with proxy(Rule(host=host, port=plain.port)) as way:
        said = way.say(get(f"http://{host}:{plain.port}/", f"{host}:{plain.port}"))
        assert said.startswith(b"HTTP/1.1 502" if rule == "egress.unreachable" else b"HTTP/1.1 403")
        assert way.rule() == rule
    assert not plain.requests


def test_a_name_that_changes_its_address_is_asked_once_and_connected_where_it_was_judged(plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        way.names.answers[GOOD] = [[web.ADDRESS], ["127.0.0.1"]]
        line = get(f"http://{GOOD}:{plain.port}/", f"{GOOD}:{plain.port}")
        assert way.say(line).startswith(b"HTTP/1.1 200")
        assert way.names.asked == [GOOD]
        assert way.say(line).startswith(b"HTTP/1.1 403"), "the second time it leads inside"
        assert way.rule() == "egress.address"


def test_an_address_may_be_named_and_is_still_judged() -> None:
    with proxy(Rule(host="127.0.0.1", port=80)) as way:
        assert way.say(get("http://127.0.0.1/", "127.0.0.1")).startswith(b"HTTP/1.1 403")
        assert way.rule() == "egress.address"


@pytest.mark.parametrize("port", [22, 25, 465, 6379, 80, 8443])
def test_a_host_is_allowed_on_its_port_alone(port: int) -> None:
    with proxy(Rule(host=GOOD)) as way:
        assert way.say(get(f"{GOOD}:{port}", f"{GOOD}:{port}", method="CONNECT")).startswith(b"HTTP/1.1 403")
        assert way.rule() == "egress.port"
