"""The proxy under attack: real sockets, curl, and Python's own clients, against servers of our own."""

from __future__ import annotations

import base64
import ipaddress
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from meshclaw.guard.sandbox.egress.addresses import Address, public
from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.egress.secret import Secret
from meshclaw.guard.sandbox.egress.way_out import Egress
from tests.servers import web
from tests.servers.web import Web

GOOD, OTHER, INSIDE = "good.example", "other.example", "inside.example"
VALUE = "ghp_0123456789abcdefghij"


def reachable(address: Address) -> bool:
    """The servers of these tests are the internet; the rest of this machine is not."""
    return str(address) == web.ADDRESS or public(address)


class Names:
    """A resolver that remembers what it was asked, and can change its mind."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[Sequence[str]]] = {
            GOOD: [[web.ADDRESS]],
            OTHER: [[web.ADDRESS]],
            INSIDE: [["10.0.0.7"]],
            "mixed.example": [[web.ADDRESS, "10.0.0.7"]],
            "gone.example": [[]],
        }

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        answers = self.answers.get(host, [[]])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ipaddress.ip_address(one) for one in found]


class Way:
    """A proxy that runs, and where to find it."""

    def __init__(self, egress: Egress, port: int, names: Names) -> None:
        self.egress = egress
        self.port = port
        self.names = names

    def say(self, *parts: bytes | str) -> bytes:
        """Send bytes as they are, and read until the proxy hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for part in parts:
                connection.sendall(part.encode() if isinstance(part, str) else part)
            return read_all(connection)

    def rule(self) -> str:
        assert len(self.egress.refused) == 1, self.egress.refused
        return self.egress.refused[0].rule


def read_all(connection: socket.socket) -> bytes:
    said = b""
    try:
        while part := connection.recv(65536):
            said += part
    except (ConnectionResetError, ssl.SSLError):
        pass
    return said


@contextmanager
def proxy(
    *rules: Rule, secrets: Sequence[Secret] = (), upstream: ssl.SSLContext | None = None
) -> Iterator[Way]:
    names = Names()
    with Egress(rules, secrets, resolve=names, reachable=reachable, upstream=upstream) as egress:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        egress.serve(listener)
        yield Way(egress, port, names)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def plain() -> Iterator[Web]:
    with web.running() as server:
        yield server


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Web]:
    with web.running(authority, (GOOD, OTHER)) as server:
        yield server


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def get(url: str, host: str, more: str = "", method: str = "GET") -> str:
    return f"{method} {url} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"


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


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-x\r\n", b"EHLO x\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x00"]
)
def test_a_tunnel_carries_nothing_but_tls(first: bytes, plain: Web) -> None:
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        way.say(get(f"{GOOD}:{plain.port}", f"{GOOD}:{plain.port}", method="CONNECT"), first)
        assert way.rule() == "egress.tls"
    assert not plain.requests


def tunnelled(way: Way, place: str, name: str, context: ssl.SSLContext, request: str) -> bytes:
    """A request through CONNECT to ``place`` whose TLS greeting asks for ``name``."""
    with socket.create_connection(("127.0.0.1", way.port), timeout=5) as connection:
        connection.sendall(get(place, place, method="CONNECT").encode())
        said = connection.recv(4096)
        if not said.startswith(b"HTTP/1.1 200"):
            return said
        with context.wrap_socket(connection, server_hostname=name or None) as secured:
            secured.sendall(request.encode())
            return read_all(secured)


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


GET = "GET http://{place}/ HTTP/1.1\r\nHost: {place}\r\n"
POST = "POST http://{place}/ HTTP/1.1\r\nHost: {place}\r\n"
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


NARROW = Rule(host=GOOD, port=443, methods=frozenset({"GET"}), paths=("/repos/ours",))


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


def narrowed(port: int) -> Rule:
    return Rule(host=GOOD, port=port, methods=NARROW.methods, paths=NARROW.paths)


def our_trust(egress: Egress, folder: Path) -> ssl.SSLContext:
    """What a client inside trusts: the file that it is given."""
    path = folder / "certificates.pem"
    path.write_bytes(egress.certificates())
    return ssl.create_default_context(cafile=str(path))


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


def secret(port: int) -> Secret:
    return Secret(name="TOKEN", value=VALUE, host=GOOD, port=port)


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


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl (apt install curl)")


def curl(way: Way, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-sS", "--max-time", "10", "--proxy", f"http://127.0.0.1:{way.port}", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@needs_curl
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "http://0x7f000001/", "http://2130706433/", "http://[::1]/",
        "http://[::ffff:169.254.169.254]/", "http://localhost/", "http://good.example@evil.example/",
        "https://169.254.169.254/", "https://localhost/", "http://127.1/", "http://good.example.evil.example/",
    ],
)  # fmt: skip
def test_curl_gets_nowhere_but_to_the_list(url: str) -> None:
    with proxy(Rule(host=GOOD, port=80), Rule(host=GOOD)) as way:
        result = curl(way, "-o", "/dev/null", "-w", "%{http_code} %{http_connect}", url)
        assert "403" in result.stdout, (result.stdout, result.stderr)
        assert len(way.egress.refused) == 1


@needs_curl
def test_curl_follows_no_redirect_out_of_the_list(plain: Web) -> None:
    plain.answers["/go"] = web.answer(b"", status="307 Temporary", more="Location: http://10.0.0.7/\r\n")
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        result = curl(way, "-L", "-o", "/dev/null", "-w", "%{http_code}", f"http://{GOOD}:{plain.port}/go")
        assert result.stdout == "403"
        assert way.rule() == "egress.host"


@needs_curl
def test_curl_uploads_more_than_a_packet(plain: Web, tmp_path: Path) -> None:
    """With ``Expect: 100-continue``, which curl sends from a megabyte on."""
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 8192)
    plain.answers["/up"] = web.answer(b"kept")
    with proxy(Rule(host=GOOD, port=plain.port)) as way:
        result = curl(way, "--data-binary", f"@{big}", f"http://{GOOD}:{plain.port}/up")
        assert result.stdout == "kept", result.stderr
    assert plain.requests[0].endswith(big.read_bytes())


@needs_curl
def test_curl_trusts_the_run_s_own_authority_where_requests_are_read(
    secure: Web, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    with proxy(narrowed(secure.port), upstream=trusting) as way:
        (tmp_path / "ca.pem").write_bytes(way.egress.certificates())
        for path, said in (("/repos/ours/x", "200"), ("/user", "403")):
            result = curl(
                way, "--cacert", str(tmp_path / "ca.pem"), "-o", "/dev/null", "-w", "%{http_code}",
                f"https://{GOOD}:{secure.port}{path}",
            )  # fmt: skip
            assert result.stdout == said, result.stderr


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
