"""How a mail was made and sent, as short facts; bounded whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.connectors.mail.message.parse import parse
from meshclaw.connectors.mail.message.traits import MAX_TRAITS


def traits(headers: str) -> tuple[str, ...]:
    return parse(f"{headers}\n\nHello\n".encode()).traits


@pytest.mark.parametrize(
    ("headers", "trait"),
    [
        ("X-Mailer: Microsoft Outlook Express 6.00", "outlook:TrueFalseFalse"),
        ("X-Mailer: Mutt\nX-MimeOLE: Produced By", "outlook:FalseTrueFalse"),
        ("From: a@b.example", "to:missing"),
        ("To: undisclosed-recipients:;", "to:undisclosed"),
        ("To: everybody", "to:nobody"),
        ("To: <a@b.example>", "to:angle"),
        ("To: Ada <a@b.example>", "to:named"),
        ("To: a@b.example", "to:bare"),
        ("From: a@b.example\nReturn-Path: <A@b.example>", "return:same"),
        ("From: a@b.example\nReturn-Path: <bounce@mail.b.example>", "return:organisation"),
        ("From: a@b.example\nReturn-Path: <x@other.example>", "return:other"),
        ("Date: Sun, 25 Aug 2002 21:21:51 -1900", "zone:impossible"),
        ("Date: Sun, 25 Aug 2002 21:21:51 +0545", "zone:plain"),
        ("Date: Sun, 25 Aug 2002 21:21:51 -0000", "zone:unknown"),
        ("Date: Sun, 25 Aug 2002 21:21:51", "zone:none"),
        ('Content-Type: text/plain; charset="utf-8"', "charset:quoted"),
        ("Content-Type: text/html; charset=utf-8", "mime:html"),
        ("Received: from 10.1.2.3 (unknown [10.1.2.3]) by mx.example", "helo:number"),
        ("Received: from 10.1.2.3 (unknown [10.1.2.3]) by mx.example", "hop:unknown"),
        ("From: a@b.example\nReceived: from mail.b.example (mail.b.example [10.1.2.3])", "hop:organisation"),
        ("Received: from x (adsl-1-2-3.pool.example [10.1.2.3]) by mx.example", "hop:dynamic"),
        ("Date: Sun, 25 Aug 2002 21:00:00 +0000\nReceived: by mx; Sun, 25 Aug 2002 12:00:00 +0000", "late:before"),
        ("Date: Sun, 25 Aug 2002 21:00:00 +0000\nReceived: by mx; Mon, 26 Aug 2002 21:00:00 +0000", "late:day"),
    ],
)  # fmt: skip
def test_each_fact_is_read(headers: str, trait: str) -> None:
    assert trait in traits(headers)


def test_the_structure_of_parts_is_told_without_their_content() -> None:
    raw = (
        b"Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/plain\n\nsecret\n"
        b"--x\nContent-Type: text/html\n\n<p>secret</p>\n--x--\n"
    )
    found = parse(raw).traits
    assert "mime:alternative(plain,html)" in found
    assert not any("secret" in trait for trait in found)


def test_hops_inside_the_receiving_machine_say_nothing() -> None:
    inside = "Received: from phobos [127.0.0.1] by localhost with IMAP (fetchmail-5.9.0)"
    assert not any(trait.startswith(("helo:", "hop:")) for trait in traits(inside))


@given(st.lists(st.sampled_from(["Received: from ", "To: ", "Date: ", "\n", "x" * 300, "-9999", "<", "[1.2.3.4] ("])
                | st.text(max_size=20), max_size=60).map("".join))  # fmt: skip
def test_any_headers_give_few_short_facts_each_once(headers: str) -> None:
    found = parse(headers.encode("utf-8", "replace")).traits
    assert len(found) == len(set(found)) <= MAX_TRAITS
    assert all(":" in trait and len(trait) <= 80 and trait.isprintable() for trait in found)


def test_ten_thousand_hops_give_no_more_than_the_last_few() -> None:
    many = "\n".join(
        f"Received: from host{n}.example (host{n}.example [10.0.0.1]) by mx" for n in range(10_000)
    )
    assert len(traits(many)) <= MAX_TRAITS
