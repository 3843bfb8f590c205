"""DKIM checked with keys from a real DNS server on loopback, spoken to by the real resolver."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rrset
import pytest
from dns.resolver import Resolver

from meshclaw.connectors.mail.message.lookup import dns_text
from meshclaw.connectors.mail.message.parse import parse
from tests.connectors.mail.message.test_authentication import RECORDS, signed


class Dns:
    """Answers TXT questions from ``records``; everything else does not exist."""

    def __init__(self, records: dict[str, str]) -> None:
        self.asked: list[str] = []
        self._records = records
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while (packet := self._socket.recvfrom(4096))[0] != b"stop":
            query = dns.message.from_wire(packet[0])
            answer = dns.message.make_response(query)
            name = query.question[0].name
            self.asked.append(name.to_text(omit_final_dot=True))
            text = self._records.get(self.asked[-1])
            if text is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                strings = " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", strings))
            self._socket.sendto(answer.to_wire(), packet[1])

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"stop", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Dns]:
    server = Dns(dict(RECORDS))
    yield server
    server.stop()


@pytest.fixture
def resolver(server: Dns) -> Resolver:
    resolver = Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.port
    return resolver


def test_a_signature_is_checked_with_the_key_from_the_dns(server: Dns, resolver: Resolver) -> None:
    def lookup(name: str) -> bytes | None:
        return dns_text(name, resolver)

    good = parse(signed(), lookup=lookup).authentication
    assert (good.by, good.dkim) == ("local", "pass")
    assert "s1._domainkey.shop.example" in server.asked
    assert parse(signed() + b"one line more\n", lookup=lookup).authentication.dkim == "fail"


def test_a_long_record_comes_back_whole(resolver: Resolver) -> None:
    name, text = next((n, t) for n, t in RECORDS.items() if t and len(t) > 200)
    assert dns_text(name, resolver) == text.encode()


def test_a_name_that_does_not_exist_is_none(resolver: Resolver) -> None:
    assert dns_text("nobody.example", resolver) is None


def test_a_server_that_does_not_answer_is_none() -> None:
    resolver = Resolver(configure=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver.nameservers, resolver.port = ["127.0.0.1"], silent.getsockname()[1]
        assert dns_text("slow.example", resolver) is None
