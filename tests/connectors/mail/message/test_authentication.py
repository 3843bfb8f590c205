"""Whose word is taken for a mail's origin, and what a passing signature covers."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meshclaw.connectors.mail.message.parse import parse
from meshclaw.flow.message import Message

MX = "mx.receiver.example"
BASE = (
    b"From: News <news@shop.example>\nTo: ann@northwind.example\nSubject: Offers\n"
    b"Date: Mon, 2 Mar 2026 10:00:00 +0000\n"
    b"List-Unsubscribe: <mailto:x@shop.example>, <https://shop.example/u?1>\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nBuy this.\n"
)
COVERED = [b"from", b"subject", b"list-unsubscribe", b"list-unsubscribe-post"]

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
RECORDS = {
    "s1._domainkey.shop.example": f"v=DKIM1; k=rsa; p={PUBLIC}",
    "s1._domainkey.mailer.example": f"v=DKIM1; k=rsa; p={PUBLIC}",
    "_dmarc.shop.example": "v=DMARC1; p=reject",
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def lookup(name: str) -> str | None:
    return RECORDS.get(name)


def signed(raw: bytes = BASE, *, domain: bytes = b"shop.example", covers: list[bytes] = COVERED) -> bytes:
    return dkim.sign(raw, b"s1", domain, PRIVATE, include_headers=covers, linesep=b"\n") + raw


def results(host: str, said: str) -> bytes:
    return f"Authentication-Results: {host}; {said}\n".encode()


def said(message: Message) -> tuple[str, str, str, str]:
    a = message.authentication
    return a.by, a.dkim, a.spf, a.dmarc


ALL_PASS = "dkim=pass header.d=shop.example; spf=pass smtp.mailfrom=shop.example; dmarc=pass header.from=shop.example"


def test_the_trusted_servers_results_are_believed() -> None:
    assert said(parse(results(MX, ALL_PASS) + BASE, trusted_host=MX)) == ("server", "pass", "pass", "pass")


def test_a_sender_who_writes_his_own_results_is_not_believed() -> None:
    for host in ("evil.example", f"{MX}.evil.example", f"x{MX}", f"evil.example ({MX})"):
        assert said(parse(results(host, ALL_PASS) + BASE, trusted_host=MX)) == (
            "nobody",
            "none",
            "none",
            "none",
        )


def test_without_a_trusted_host_nobody_is_believed() -> None:
    assert said(parse(results(MX, ALL_PASS) + BASE)) == ("nobody", "none", "none", "none")


def test_only_the_topmost_results_of_the_trusted_host_count() -> None:
    forged_below = results("other.example", "dmarc=pass") + results(MX, "dmarc=fail") + results(MX, ALL_PASS)
    message = parse(forged_below + BASE, trusted_host=MX)
    assert said(message) == ("server", "none", "none", "fail")
    assert [f.kind for f in message.findings] == ["authentication-failed"]


def test_the_trusted_host_is_compared_without_case() -> None:
    assert said(parse(results(MX.upper(), "spf=pass") + BASE, trusted_host=MX))[0] == "server"


def test_results_that_cannot_be_read_are_nobodys() -> None:
    assert said(parse(results(MX, "((((") + BASE, trusted_host=MX))[0] == "nobody"


def test_a_broken_signature_alone_is_no_finding_where_spf_vouches() -> None:
    message = parse(results(MX, "dkim=fail header.d=a.example; spf=pass") + BASE, trusted_host=MX)
    assert said(message) == ("server", "fail", "pass", "none")
    assert message.findings == ()


def test_without_a_lookup_a_signature_is_not_checked() -> None:
    assert said(parse(signed())) == ("nobody", "none", "none", "none")


def test_a_signature_is_checked_here_with_a_lent_lookup() -> None:
    message = parse(signed(), lookup=lookup)
    assert said(message) == ("local", "pass", "none", "pass")
    assert message.unsubscribe_covered


def test_a_lookup_may_answer_in_bytes() -> None:
    def in_bytes(name: str) -> bytes | None:
        return RECORDS[name].encode() if name in RECORDS else None

    assert said(parse(signed(), lookup=in_bytes)) == ("local", "pass", "none", "pass")


SABOTAGE: dict[str, Callable[[bytes], bytes]] = {
    "body": lambda raw: raw.replace(b"Buy this.", b"Buy that."),
    "subject": lambda raw: raw.replace(b"Subject: Offers", b"Subject: Invoice"),
    "target": lambda raw: raw.replace(b"https://shop.example/u?1", b"https://evil.example/u?1"),
    "sender": lambda raw: raw.replace(b"news@shop.example", b"news@shoq.example"),
    "covered fields": lambda raw: raw.replace(b"h=from", b"h=date"),
}


@pytest.mark.parametrize("spoil", SABOTAGE.values(), ids=SABOTAGE.keys())
def test_a_changed_mail_fails_and_covers_nothing(spoil: Callable[[bytes], bytes]) -> None:
    spoiled = spoil(signed())
    assert spoiled != signed()
    message = parse(spoiled, lookup=lookup)
    assert said(message) == ("local", "fail", "none", "none")
    assert not message.unsubscribe_covered
    assert "authentication-failed" in [f.kind for f in message.findings]


def test_a_missing_key_proves_nothing_either_way() -> None:
    message = parse(signed(), lookup=lambda _: None)
    assert said(message) == ("local", "none", "none", "none")
    assert message.findings == ()


def test_a_passing_signature_of_another_organisation_is_not_aligned() -> None:
    assert said(parse(signed(domain=b"mailer.example"), lookup=lookup)) == ("local", "pass", "none", "none")


@pytest.mark.parametrize("left_out", [b"list-unsubscribe", b"list-unsubscribe-post"])
def test_a_signature_that_leaves_out_a_field_covers_nothing(left_out: bytes) -> None:
    message = parse(signed(covers=[c for c in COVERED if c != left_out]), lookup=lookup)
    assert message.authentication.dkim == "pass"
    assert (message.unsubscribe_url, message.unsubscribe_covered) == ("https://shop.example/u?1", False)


def test_the_server_must_name_the_domain_of_the_covering_signature() -> None:
    raw = signed()
    assert parse(results(MX, "dkim=pass header.d=shop.example") + raw, trusted_host=MX).unsubscribe_covered
    assert parse(results(MX, "dkim=pass header.i=@shop.example") + raw, trusted_host=MX).unsubscribe_covered
    for other in (
        "dkim=pass header.d=mailer.example",
        "dkim=fail header.d=shop.example",
        "dkim=pass",
        "spf=pass",
    ):
        assert not parse(results(MX, other) + raw, trusted_host=MX).unsubscribe_covered


def test_a_second_signature_of_the_same_domain_cannot_lend_its_coverage() -> None:
    honest = signed(covers=[b"from", b"subject"])
    forged = (
        b"DKIM-Signature: v=1; d=shop.example; s=s1; b=AAAA; h=from:list-unsubscribe:list-unsubscribe-post\n"
    )
    message = parse(results(MX, "dkim=pass header.d=shop.example") + forged + honest, trusted_host=MX)
    assert message.authentication.dkim == "pass"
    assert not message.unsubscribe_covered


def test_an_unsubscribe_field_put_on_top_of_a_signed_mail_is_not_used() -> None:
    message = parse(b"List-Unsubscribe: <https://evil.example/u>\n" + signed(), lookup=lookup)
    assert message.authentication.dkim == "pass"
    assert (message.unsubscribe_url, message.unsubscribe_covered, message.has_unsubscribe) == (
        "",
        False,
        True,
    )


@pytest.mark.parametrize(
    "change",
    [
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", b""),
        (b"https://shop.example", b"http://shop.example"),
        (b", <https://shop.example/u?1>", b""),
    ],
)
def test_only_rfc_8058_gives_a_target(change: tuple[bytes, bytes]) -> None:
    assert parse(BASE).unsubscribe_url == "https://shop.example/u?1"
    spoiled = parse(BASE.replace(*change))
    assert (spoiled.unsubscribe_url, spoiled.has_unsubscribe) == ("", True)
