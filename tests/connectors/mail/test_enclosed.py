"""What the person sees of a mail that would be sent: all that is really in it."""

from __future__ import annotations

import time

import pytest

from meshclaw.connectors.mail.enclosed import head, whole

MAIL = b"""From: Ada <ada@example.com>
To: kim@partner.test, Bo <bo@partner.test>
Bcc: eve@evil.test
Reply-To: eve@evil.test
X-Note: the figures
Subject: =?utf-8?q?Sal=C3=A4ries?=
Message-ID: <1@example.com>
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

SGVsbG/igIsh
--b
Content-Type: text/html

<p style="display:none">secret</p><a href="https://evil.test">bank</a>
--b
Content-Type: application/pdf; name="all.pdf"
Content-Disposition: attachment; filename="all.pdf"
Content-Transfer-Encoding: base64

AAAA
--b--
"""


def test_nothing_is_rendered_and_nothing_removed() -> None:
    shown = {name: one.value for name, one in whole(MAIL).items()}
    assert shown["to"] == ["kim@partner.test", "Bo <bo@partner.test>"]
    assert shown["bcc"] == shown["reply-to"] == ["eve@evil.test"]
    assert shown["subject"] == "Saläries"
    assert shown["text"] == "Hello\u200b!"
    assert "secret" in str(shown["text/html-2"])
    assert shown["attached"] == ["all.pdf (application/pdf, 3 bytes)"]
    assert shown["other-headers"] == ["X-Note: the figures"]


def test_destinations_are_told_as_such() -> None:
    roles = {name: one.role for name, one in whole(MAIL).items()}
    assert [name for name, role in roles.items() if role == "destination"] == ["reply-to", "to", "bcc"]


def test_a_mail_is_known_again_by_its_sender_and_subject() -> None:
    assert {name: one.value for name, one in head(MAIL).items()} == {
        "from": "Ada <ada@example.com>", "subject": "Saläries",
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\xff\xfe", b"Subject: =?x?q?=FF?=\n\n", b"To: ,,,\n\n", b"Subject: a\nSubject: b\n\nt",
        b"Content-Type: text/plain; charset=nope\n\n\xff",
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 5000,
        b"To: " + b"a@b.test," * 20_000,
    ],
)  # fmt: skip
def test_a_broken_mail_is_shown_as_far_as_it_goes(raw: bytes) -> None:
    started = time.process_time()
    whole(raw)
    head(raw)
    assert time.process_time() - started < 5


def test_a_header_that_stands_twice_is_shown_twice() -> None:
    assert whole(b"Subject: a\nSubject: b\n\nt")["subject"].value == ["a", "b"]
