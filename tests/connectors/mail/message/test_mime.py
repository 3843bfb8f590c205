"""The bounded MIME walk, against the standard library where a mail is well formed."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.connectors.mail.message.attachments import safe_name
from meshclaw.connectors.mail.message.headers import read_headers
from meshclaw.connectors.mail.message.mime import MAX_DEPTH, MAX_PARTS, Tree, parameters, walk
from meshclaw.connectors.mail.message.parse import parse


def tree(raw: bytes) -> Tree:
    return walk(raw, read_headers(raw))


# Without NUL, CR and surrogates: the standard library itself does not bring those back.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=200)


@st.composite
def messages(draw: st.DrawFn) -> EmailMessage:
    message = EmailMessage(policy=SMTP.clone(linesep=draw(st.sampled_from(["\n", "\r\n"]))))
    message["Subject"] = "x"
    encoding = draw(st.sampled_from(["base64", "quoted-printable"]))
    message.set_content(draw(TEXT), cte=encoding)
    if draw(st.booleans()):
        message.add_alternative(draw(TEXT), subtype="html", cte=encoding)
    for data in draw(st.lists(st.binary(max_size=300), max_size=3)):
        message.add_attachment(
            data,
            maintype="application",
            subtype="x-any",
            filename=draw(st.from_regex(r"[a-z]{1,8}\.[a-z]{3}", fullmatch=True)),
        )
    return message


@given(messages())
@settings(deadline=None)
def test_leaves_of_a_well_formed_mail_are_those_of_the_standard_library(message: EmailMessage) -> None:
    raw = message.as_bytes()
    theirs = [p for p in email.message_from_bytes(raw).walk() if not p.is_multipart()]
    ours = list(tree(raw).root.leaves())
    assert [p.media_type for p in ours] == [p.get_content_type() for p in theirs]
    assert [p.name for p in ours] == [p.get_filename() or "" for p in theirs]
    assert [p.content(10**6).rstrip(b"\r\n") for p in ours] == [
        p.get_payload(decode=True).rstrip(b"\r\n") for p in theirs
    ]
    assert not tree(raw).malformed


@given(messages())
@settings(deadline=None)
def test_an_attachment_is_as_large_as_its_content_without_being_decoded(message: EmailMessage) -> None:
    theirs = [len(p.get_payload(decode=True)) for p in message.iter_attachments()]
    assert [a.size for a in parse(message.as_bytes()).attachments] == theirs


def multipart(body: bytes, kind: bytes = b"mixed") -> bytes:
    return b"Content-Type: multipart/" + kind + b"; boundary=x\n\n" + body


def test_a_missing_last_boundary_loses_nothing_and_is_malformed() -> None:
    message = parse(multipart(b"--x\n\none\n--x\n\ntwo\n"))
    assert message.text == "one\n\ntwo"
    assert [f.kind for f in message.findings] == ["malformed"]


@pytest.mark.parametrize("kind", [b"multipart/mixed", b"multipart/mixed; boundary=y"])
def test_a_multipart_without_its_boundary_is_read_as_text(kind: bytes) -> None:
    message = parse(b"Content-Type: " + kind + b"\n\nhello\n")
    assert message.text == "hello"
    assert [f.kind for f in message.findings] == ["malformed"]


def test_a_line_that_only_starts_like_the_boundary_is_text() -> None:
    assert parse(multipart(b"--x\n\none\n--xy\ntwo\n--x--\n")).text == "one\n--xy\ntwo"


def test_parts_beyond_the_bound_are_not_read_and_it_is_said() -> None:
    found = tree(multipart(b"--x\n\na\n" * (MAX_PARTS * 3)))
    assert len(found.root.children) == MAX_PARTS
    assert found.cut


def test_depth_beyond_the_bound_is_not_read_and_it_is_said() -> None:
    opens = b"".join(
        b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (i, i + 1) for i in range(50)
    )
    found = tree(b"Content-Type: multipart/mixed; boundary=b0\n\n" + opens)
    depth, node = 0, found.root
    while node.children:
        depth, node = depth + 1, node.children[0]
    assert depth == MAX_DEPTH
    assert found.cut


def test_a_forwarded_mail_is_an_attachment_and_not_walked() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=x\nSubject: inner\n\nsecret"
    message = parse(multipart(b"--x\n\nouter\n--x\nContent-Type: message/rfc822\n\n" + inner + b"\n--x--\n"))
    assert message.text == "outer"
    assert [(a.name, a.media_type, a.size) for a in message.attachments] == [
        ("message.eml", "message/rfc822", len(inner))
    ]


def test_extended_parameters_are_put_together() -> None:
    value = "a/b; filename*1*=%E4%BD%A0; filename*0*=utf-8''a%20; filename*2=.txt; filename=plain"
    assert parameters(value)["filename"] == "a \u4f60.txt"


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.exe", "a.exe"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\x00b\r\n.txt", "a b .txt"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a" * 500 + ".exe", "a" * 100 + "\u2026" + "a" * 15 + ".exe"),
    ],
)
def test_names_of_attachments_are_made_safe(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


@pytest.mark.parametrize(
    ("name", "kind", "risky"),
    [
        ("a.exe", "application/octet-stream", True),
        ("a.PDF.js", "application/pdf", True),
        ("a.docm", "application/octet-stream", True),
        ("a.html", "text/html", True),
        ("a", "application/x-msdownload", True),
        ("a.xls", "application/vnd.ms-excel.sheet.macroEnabled.12", True),
        ("a.exe.", "application/octet-stream", True),
        ("report.pdf", "application/pdf", False),
        ("v1.2.txt", "text/plain", False),
        ("photo.jpg", "image/jpeg", False),
    ],
)
def test_attachments_that_can_run_code_are_told(name: str, kind: str, risky: bool) -> None:
    part = f'--x\nContent-Type: {kind}\nContent-Disposition: attachment; filename="{name}"\n\nMZ\n--x--\n'
    message = parse(multipart(part.encode()))
    assert len(message.attachments) == 1
    assert [f.kind for f in message.findings] == ["risky-attachment"] * risky
