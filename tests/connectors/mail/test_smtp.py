"""Sending: what is definite, what is uncertain, and what never leaves. Through a relay that fails on purpose."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
import trustme

from meshclaw.connectors.mail.mailbox.open import open_mailbox
from meshclaw.connectors.mail.smtp import Sent, send, without_bcc
from meshclaw.errors import MeshClawError, NotReachable, Refused, SignInNeeded, Uncertain, UserError
from tests.servers.dovecot import PASSWORD, Dovecot, free_ports, running_dovecot  # noqa: F401 (a fixture)
from tests.servers.relay import Relay, running_relay  # noqa: F401 (a fixture)

ME = "alice@mesh.test"
RAW = b"From: alice@mesh.test\nTo: bob@mesh.test\nMessage-ID: <one@mesh.test>\nSubject: Hi\n\n.dot\nBye\n"


def through(
    relay: Relay, raw: bytes = RAW, recipients: tuple[str, ...] = ("bob@mesh.test",), **changed: object
) -> Sent:
    options: dict[str, object] = {
        "journal": ME,
        "host": "127.0.0.1",
        "port": relay.port,
        "user": "alice",
        "secret": None,
        "tls": "none",
        "timeout_s": 5.0,
    }
    return send(raw, ME, recipients, **{**options, **changed})


def test_a_sent_mail_goes_to_its_recipients_and_to_the_journal_unchanged(relay: Relay) -> None:
    sent = through(relay)
    [(sender, recipients, raw)] = relay.delivered
    assert (sender, recipients) == (ME, ["bob@mesh.test", ME])
    assert raw == RAW.replace(b"\n", b"\r\n")
    assert (sent.accepted, sent.refused) == (("bob@mesh.test",), {})
    assert "RELAY1" in sent.answer


def test_a_mail_to_oneself_is_sent_once(relay: Relay) -> None:
    assert through(relay, recipients=(ME, ME)).accepted == (ME,)
    assert [recipients for _, recipients, _ in relay.delivered] == [[ME]]


@pytest.mark.parametrize(
    "head",
    [
        b"Bcc: carol@mesh.test\n",
        b"BCC : carol@mesh.test,\n\tcarol2@mesh.test\n",
        b"Resent-Bcc: carol@mesh.test\n",
        b"bcc:\r\n carol@mesh.test\r\n",
    ],
)
def test_blind_copies_are_nowhere_in_the_mail(relay: Relay, head: bytes) -> None:
    through(relay, head + RAW)
    through(relay, RAW.replace(b"Subject: Hi\n", b"Subject: Hi\n" + head))
    assert len(relay.delivered) == 2
    for _, _, raw in relay.delivered:
        assert b"carol" not in raw
        assert message_from_bytes(raw)["Subject"] == "Hi"
        assert raw.endswith(b"\r\n\r\n.dot\r\nBye\r\n")


def test_a_body_that_says_bcc_is_left_alone() -> None:
    assert without_bcc(b"Subject: x\n\nBcc: is a field\n") == b"Subject: x\n\nBcc: is a field\n"


def test_bare_line_ends_cannot_smuggle_a_second_mail(relay: Relay) -> None:
    through(relay, RAW + b"x\r.\rMAIL FROM:<evil@mesh.test>\n.\n.\r\nRCPT TO:<x@mesh.test>\n")
    [(_, recipients, raw)] = relay.delivered
    assert recipients == ["bob@mesh.test", ME]
    assert b"\r\n.\r\nMAIL FROM" in raw


@pytest.mark.parametrize("fault", ["drop before accept", "drop after accept", "hang", "4xx", "500"])
def test_an_answer_that_is_lost_after_the_final_dot_is_uncertain(relay: Relay, fault: str) -> None:
    relay.fault = fault
    with pytest.raises(Uncertain, match="may have sent") as caught:
        through(relay, timeout_s=0.5)
    assert "copy" in caught.value.fix
    assert len(relay.delivered) == (fault in {"drop after accept", "hang"})


def test_a_mail_refused_for_good_was_not_sent(relay: Relay) -> None:
    relay.fault = "5xx"
    with pytest.raises(Refused, match=r"looks like spam.*nothing was sent"):
        through(relay)
    assert relay.delivered == []


def test_a_connection_lost_before_the_data_is_definite(relay: Relay) -> None:
    relay.fault = "drop at rcpt"
    with pytest.raises(NotReachable, match="nothing was sent"):
        through(relay)
    assert relay.delivered == []


def test_a_server_that_is_not_there_is_not_reachable(relay: Relay) -> None:
    with pytest.raises(NotReachable, match="nothing was sent"):
        through(relay, port=free_ports(1)[0])


def test_some_refused_recipients_are_reported_and_the_others_get_their_mail(relay: Relay) -> None:
    relay.unknown = {"nobody@mesh.test"}
    sent = through(relay, recipients=("bob@mesh.test", "nobody@mesh.test"))
    assert sent.accepted == ("bob@mesh.test",)
    assert "no such person" in sent.refused["nobody@mesh.test"]
    assert relay.delivered[0][1] == ["bob@mesh.test", ME]


@pytest.mark.parametrize("unknown", ["bob@mesh.test", ME])
def test_nothing_is_sent_without_a_recipient_or_without_the_journal(relay: Relay, unknown: str) -> None:
    relay.unknown = {unknown}
    with pytest.raises(Refused, match=f"{unknown}.*nothing was sent"):
        through(relay)
    assert relay.delivered == []


@pytest.mark.parametrize(
    "address",
    [
        "bob@mesh.test\r\nRCPT TO:<x@y>",
        "bob@mesh.test>\nX",
        "bob",
        "Bob <bob@mesh.test>",
        "a b@c",
        "",
        "a@b,c@d",
    ],
)
def test_an_address_that_carries_more_than_an_address_is_refused(relay: Relay, address: str) -> None:
    with pytest.raises(UserError, match="not a mail address"):
        through(relay, recipients=(address,))
    with pytest.raises(UserError, match="not a mail address"):
        through(relay, journal=address)
    assert relay.delivered == []


def test_a_mail_to_nobody_is_refused(relay: Relay) -> None:
    with pytest.raises(UserError, match="no recipient"):
        through(relay, recipients=())


def test_plain_smtp_leaves_this_machine_never(relay: Relay) -> None:
    with pytest.raises(UserError, match="unencrypted"):
        through(relay, host="mail.example")


def test_starttls_is_used_with_a_certificate_that_holds_and_with_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    relay = Relay(starttls=context, password="hunter2")
    try:
        with pytest.raises(NotReachable, match="certificate"):
            through(relay, tls="starttls", secret=lambda: "hunter2")
        assert relay.delivered == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert through(relay, tls="starttls", secret=lambda: "hunter2").accepted
    finally:
        relay.stop()


def test_a_server_without_starttls_gets_neither_password_nor_mail(relay: Relay) -> None:
    with pytest.raises(Refused, match="STARTTLS"):
        through(relay, tls="starttls", secret=lambda: "hunter2")
    assert relay.delivered == []


@pytest.fixture
def guarded() -> Iterator[Relay]:
    relay = Relay(password="right")
    yield relay
    relay.stop()


def test_the_right_password_sends_and_a_wrong_one_asks_for_another(guarded: Relay) -> None:
    assert through(guarded, secret=lambda: "right").accepted
    with pytest.raises(SignInNeeded, match="nothing was sent") as caught:
        through(guarded, secret=lambda: "hunter2")
    assert "hunter2" not in everything_in(caught.value)
    with pytest.raises(SignInNeeded) as caught:
        through(guarded, secret=lambda: "hünter2")
    assert "nter2" not in everything_in(caught.value)
    assert len(guarded.delivered) == 1


def everything_in(error: MeshClawError) -> str:
    shown = error.__cause__ or ("" if error.__suppress_context__ else error.__context__)
    return f"{error} {error.fix} {shown}"


def test_tls_from_the_first_byte_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    relay = Relay(context=context)
    try:
        with pytest.raises(NotReachable, match=r"certificate of 127\.0\.0\.1 is not valid"):
            through(relay, tls="implicit")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert through(relay, tls="implicit").accepted
    finally:
        relay.stop()
    assert len(relay.delivered) == 1


@pytest.mark.dovecot
def test_an_uncertain_mail_is_proved_sent_by_its_journal_copy(dovecot: Dovecot) -> None:
    """The worst case of facts: delivered, but the 250 never arrives. Bob has one copy, and we can know it."""
    alice, bob = dovecot.person(), dovecot.person()
    relay = Relay(lmtp=dovecot.lmtp)
    relay.fault = "drop after accept"
    try:
        with pytest.raises(Uncertain):
            send(
                RAW,
                alice,
                [bob],
                journal=alice,
                host="127.0.0.1",
                port=relay.port,
                user=alice,
                secret=None,
                tls="none",
            )
    finally:
        relay.stop()
    for person in (alice, bob):
        box = open_mailbox(dovecot.address(person), secret=lambda: PASSWORD)
        try:
            assert len(list(box.entries("INBOX"))) == 1
            assert box.find("INBOX", message_id="<one@mesh.test>", digest="")
            assert box.find("INBOX", message_id="<two@mesh.test>", digest="") is None
            digest = hashlib.sha256(RAW).hexdigest()
            assert box.find("INBOX", message_id="<one@mesh.test>", digest=digest) is None, (
                "Received was added"
            )
        finally:
            box.close()
