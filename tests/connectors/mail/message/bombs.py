"""Mails built to take a reader's time or memory, each below or a little above ``MAX_READ``."""

from __future__ import annotations

import base64
from collections.abc import Callable

SIZE = 2 * 1024 * 1024
HEAD = b"From: a@b.example\nSubject: bomb\n"
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\n\n"


def fill(unit: bytes, size: int = SIZE) -> bytes:
    return (unit * (size // max(len(unit), 1) + 1))[:size]


def numbered(pattern: str, size: int) -> bytes:
    out, total, number = [], 0, 0
    while total < size:
        out.append(pattern.format(number))
        total += len(out[-1])
        number += 1
    return "".join(out).encode()


def nested_multiparts(depth: int, name: str = "b{}") -> bytes:
    opens = b"".join(
        f"--{name.format(i - 1)}\nContent-Type: multipart/mixed; boundary={name.format(i)}\n\n".encode()
        for i in range(1, depth)
    )
    return HEAD + f"Content-Type: multipart/mixed; boundary={name.format(0)}\n\n".encode() + opens


def alternating(count: int) -> bytes:
    part = b"--x\nContent-Type: text/html\n\n" + fill(b"<ul><li>", 40_000) + b"\n"
    return HEAD + b"Content-Type: multipart/mixed; boundary=x\n\n" + part * count + b"--x--\n"


def mixed(*, kind: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Type: " + kind + b"\n\n" + body


BOMBS: dict[str, Callable[[], bytes]] = {
    "50,000 parts": lambda: mixed(kind=b"multipart/mixed; boundary=x", body=b"--x\n\na\n" * 50_000),
    "a million empty parts": lambda: mixed(kind=b"multipart/mixed; boundary=x", body=fill(b"--x\n")),
    "near boundaries": lambda: mixed(kind=b"multipart/mixed; boundary=x", body=fill(b"\n--xy")),
    "deep multiparts": lambda: nested_multiparts(20_000),
    "prefix boundaries": lambda: nested_multiparts(12, "b" * 20 + "{}") + fill(b"\n--" + b"b" * 20 + b"11X"),
    "long line": lambda: HEAD + b"\n" + b"a" * SIZE,
    "long header": lambda: HEAD + b"X-Long: " + b"a" * SIZE,
    "folded header": lambda: HEAD + b"X-Long: a\n" + fill(b" b\n"),
    "many headers": lambda: HEAD + fill(b"X-A: b\n"),
    "many names": lambda: HEAD + numbered("X-{}: b\n", SIZE),
    "broken header": lambda: HEAD + b"X" * SIZE,
    "subject of encoded words": lambda: HEAD + b"Subject: " + fill(b"=?utf-8?q?a?= ", 200_000) + b"\n\n",
    "subject of unclosed words": lambda: b"Subject: " + fill(b"=?utf-8?q?", 200_000) + b"\n\n",
    "addresses": lambda: b"To: " + fill(b"a@b.example, ", 250_000) + b"\n\n",
    "quotes": lambda: b"From: " + fill(b'"\\', 16_000) + b"\nTo: " + fill(b'"\\"', 16_000) + b"\n\n",
    "comments": lambda: b"From: " + fill(b"(", 16_000) + b"\nTo: " + fill(b"(a", 16_000) + b"\n\n",
    "angles": lambda: b"From: " + fill(b"<", 16_000) + b"\nTo: " + fill(b"<a", 16_000) + b"\n\n",
    "parameters": lambda: HEAD + b"Content-Type: text/plain" + fill(b"; a*0*=''%41", 100_000) + b"\n\n",
    "references": lambda: b"References: " + fill(b"<a@b>", 250_000) + b"\n\n",
    "base64 rubbish": lambda: HEAD + b"Content-Transfer-Encoding: base64\n\n" + fill(b"=A!"),
    "quoted-printable rubbish": lambda: (
        HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + fill(b"=\n= =")
    ),
    "blanks": lambda: HEAD + b"\n" + fill(b" \t"),
    "blank lines": lambda: HEAD + b"\n" + fill(b" \n"),
    "carriage returns": lambda: HEAD + b"\n" + fill(b"\r"),
    "only carriage returns": lambda: fill(b"\r"),
    "nul": lambda: b"\0" * SIZE,
    "zero width": lambda: HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + fill("a\u200b".encode()),
    "links": lambda: HEAD + b"\n" + fill(b"https://a.example/ "),
    "one long link": lambda: HEAD + b"\n" + b"https://" + fill(b"@"),
    "nested tags": lambda: HTML + fill(b"<div>"),
    "nested lists": lambda: HTML + fill(b"<ul><li>"),
    "nested lists below the bound": lambda: HTML + fill(b"<ul><li>", 199_000),
    "lists closed in comments": lambda: HTML + fill(b"<ul><!--</ul>--><li>", 199_000),
    "lists closed in attributes": lambda: HTML + fill(b"<ul a=</ul><li>", 199_000),
    "lists closed in quotes": lambda: HTML + fill(b'<ul a="</ul>"><li>', 199_000),
    "lists closed in titles": lambda: HTML + fill(b"<ul><title></ul></title><li>", 199_000),
    "lists closed out of scope": lambda: HTML + fill(b"<div><table></div></table>", 199_000),
    "reopened formatting": lambda: HTML + numbered("<b id={}>", 60_000) + fill(b"<div>x</div>", 130_000),
    "reopened formatting, few": lambda: (
        HTML + b"<div>" + numbered("<b id={}>", 80) + b"</div>" + fill(b"<div>x</div>", 199_000)
    ),
    "reopened formatting, three of each": lambda: (
        HTML + b"<div><i><i><i><b><b><b></div>" + fill(b"<p>x</p>", 199_000)
    ),
    "attributes": lambda: HTML + b"<a " + numbered("a{:x} ", 199_000) + b">x",
    "attributes after a quoted bracket": lambda: HTML + b'<a x=">" ' + numbered("a{:x} ", 199_000) + b">x",
    "attributes with slashes": lambda: HTML + b"<a/" + numbered("a{:x}/", 199_000) + b">x",
    "attributes in quotes": lambda: HTML + b"<a " + numbered('a{:x}=""', 199_000) + b">x",
    "many tags with attributes": lambda: HTML + fill(b"<a " + numbered("a{:x} ", 18_000) + b">x", 199_000),
    "style sheet": lambda: HTML + b"<style>" + fill(b".x{display:none}") + b"</style><p class=x>a",
    "style rules and nodes": lambda: (
        HTML
        + b"<style>"
        + numbered("a .x{}{{display:none}}", 40_000)
        + b"</style>"
        + fill(b"<b class=x><p>", 150_000)
    ),
    "style at-rules": lambda: (
        HTML + b"<style>" + fill(b"@a{x{}", 60_000) + b"</style>" + fill(b"<style>@a</style>", 99_000)
    ),
    "style at signs": lambda: HTML + b"<style>" + fill(b"@a "),
    "style selectors": lambda: (
        HTML + b"<style>" + fill(b"a" + b" " * 100 + b"!,", 60_000) + b"{display:none}</style>x"
    ),
    "inline styles": lambda: HTML + numbered('<p style="color:#{:06x};font-size:0">x', 199_000),
    "long inline style": lambda: HTML + b'<p style="' + fill(b"transform:translate(", 199_000) + b'">x',
    "transforms": lambda: (
        HTML + numbered('<p style="z:{};transform:' + "translate(- " * 150 + '">x', 199_000)
    ),
    "comments in html": lambda: HTML + fill(b"<!-- aaaa bbbb -->", 199_000),
    "one comment": lambda: HTML + b"<!--" + fill(b"a", 199_000),
    "comment of brackets": lambda: HTML + fill(b"<!--" + b"<[if" * 1200 + b"-->", 199_000),
    "comment of words": lambda: HTML + fill(b"<!--" + b"a" * 4990 + b"-->", 199_000),
    "anchors": lambda: HTML + fill(b"<a href=http://x.example>http://y.example", 199_000),
    "nested anchors in cells": lambda: HTML + fill(b"<a href=http://x.example>a<table><td>", 50_000),
    "open anchors and blocks": lambda: HTML + fill(b"<a><div>", 199_000),
    "tables": lambda: HTML + fill(b"<table><tr>x", 199_000),
    "brackets": lambda: HTML + fill(b"<", 199_000),
    "entities": lambda: HTML + fill(b"&lt;"),
    "hidden text": lambda: HTML + b"<div hidden>" + fill("a\u200b".encode()),
    "html parts": lambda: alternating(40),
    "svg and math": lambda: HTML + fill(b"<svg><math><mi>", 199_000),
    "forms": lambda: HTML + fill(b"<form><div>", 199_000),
    "encoded html": lambda: (
        HEAD
        + b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(fill(b"<p><b id=1>", 199_000))
    ),
    "calendar": lambda: mixed(
        kind=b"text/calendar", body=b"BEGIN:VCALENDAR\n" + fill(b"BEGIN:VEVENT\nSUMMARY:a\n")
    ),
    "time zone": lambda: mixed(
        kind=b"text/calendar",
        body=b"BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\nDTSTART:16010101T000000\n"
        b"RRULE:FREQ=SECONDLY\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTART;TZID=X:20260101T000000\n"
        b"RRULE:FREQ=SECONDLY\nEND:VEVENT\nEND:VCALENDAR\n",
    ),
    "results": lambda: HEAD + fill(b"Authentication-Results: mx.test; (((((\n", 200_000) + b"\n",
    "nested results": lambda: HEAD + b"Authentication-Results: mx.test; dkim=pass " + b"(" * 8000 + b"\n\n",
    "signatures": lambda: (
        HEAD + fill(b"DKIM-Signature: v=1; d=a; s=b; h=" + b"from:" * 700 + b"\n", 200_000) + b"\n"
    ),
    "signature of blanks": lambda: (
        HEAD
        + b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=b; h=from; bh=YQ==; b="
        + b"\n  " * 1300
        + b"!\n\nx\n"
    ),
    "signed blanks": lambda: (
        HEAD
        + b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=a.example; s=b; h=from; bh=YQ==; b=YQ==\n\n"
        + fill(b" " * 150 + b"x", 400_000)
    ),
}
