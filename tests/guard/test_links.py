"""Every link that some reader's program may make of a text, with the host it really leads to."""

from __future__ import annotations

import time

import pytest

from meshclaw.guard.links import MOST, host_of, links_in, targets_in


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("see [your bank](https://evil.test/a)", "evil.test"),
        ("![](//evil.test/p.png)", "evil.test"),
        ("[your bank][1]\n\n[1]: <https://evil.test/x>", "evil.test"),
        ('<a href="https://evil.test">bank</a>', "evil.test"),
        ("<img src=https://evil.test/p>", "evil.test"),
        ("<p style='background:url(https://evil.test/p)'>", "evil.test"),
        ("<https://evil.test|your bank>", "evil.test"),
        ("just https://evil.test/x.", "evil.test"),
        ("evil.test/x", "evil.test"),
        ("go to www.evil.test", "www.evil.test"),
        ("ht\u200btps://evil.test", "evil.test"),
        ("&#104;ttps://evil.test", "evil.test"),
        ("https://bank.test@evil.test/", "evil.test"),
        ("https://evil.test\\@bank.test/", "evil.test"),
        ("https://%65vil.test/", "evil.test"),
        ("mailto:x@evil.test?subject=y", "evil.test"),
        ("https://ex\u0430mple.com/", "xn--exmple-4nf.com"),
        ("https://exa\uff4dple.com/", "example.com"),
        ("https://bank.test)@evil.test/", "evil.test"),
        ("[bank](https:/evil.test/)", "evil.test"),
    ],
)
def test_the_real_host_of_every_link(text: str, host: str) -> None:
    assert host in [link.host for link in links_in(text)]


@pytest.mark.parametrize("text", ["notes.txt", "e.g. this", "3.14", "C:/x", "bob said: no", ""])
def test_what_is_no_link(text: str) -> None:
    assert links_in(text) == []


@pytest.mark.parametrize(
    ("text", "misleads"),
    [
        ("[https://bank.test](https://evil.test)", True),
        ("[www.bank.test](https://evil.test)", True),
        ("[your bank](https://bank.test)", False),
        ("[bank.test](https://bank.test/login)", False),
    ],
)
def test_a_link_whose_text_names_another_host_misleads(text: str, misleads: bool) -> None:
    assert any(link.misleads for link in links_in(text)) == misleads


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("bob@example.com", "example.com"),
        ("Bob <bob@example.com>", "example.com"),
        ("bob@EX\u0410MPLE.com", "xn--exmple-4nf.com"),
        ("#general", ""),
        ("https://[", ""),
        ("javascript:alert(1)", ""),
        ("https:/evil.test/x", "evil.test"),
        ("https:\\evil.test", "evil.test"),
        ("http:evil.test", "evil.test"),
        ("https://fa\u00df.example", "xn--fa-hia.example"),
    ],
)
def test_host_of(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("see https://a.example/x, and b.example.", ["a.example/x", "b.example"]),
        ("bob@acme.example and report.docx v1.2", []),
        ("[x](//evil.example/a)", ["//evil.example/a"]),
        ("evil[.]example or evil dot example", ["evil.example"]),
        ("hxxps://evil.example", ["evil.example"]),
        ("http://2130706433/", ["2130706433"]),
        ("192.0.2.7/x", ["192.0.2.7/x"]),
        ("mailto:eve@evil.example", ["mailto:eve@evil.example"]),
        ("https://bank.example)@evil.example/x", ["bank.example)@evil.example/x"]),
        ("www.bank.example'@evil.example", ["bank.example'@evil.example"]),
        ("https:/evil.example and https:\\evil.example/", ["https:/evil.example", "https:\\evil.example"]),
        ("h&#116;tps&#58;&#47;&#47;evil&#46;example", ["evil.example"]),
        ('<a href="https:/\n/evil.example">', ["evil.example"]),
        ("evil\ufe0f.example", ["evil.example"]),
        ("<https://evil.example|the page>", ["evil.example"]),
        ("https://bank.example/a|b", ["bank.example/a|b"]),
        ("[the plan](docs/plan.md), page.toml and http: or //", []),
    ],
)
def test_links_are_found_as_programs_find_them(written: str, expected: list[str]) -> None:
    assert targets_in(written) == expected


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("bank.example@evil.example/x", "evil.example"),
        ("evil.example\\x", "evil.example"),
        ("evil.example:8443/x?y", "evil.example"),
        ("//evil.example/x", "evil.example"),
        ("ftp://evil.example", "evil.example"),
    ],
)
def test_the_host_is_where_it_leads(link: str, host: str) -> None:
    assert host_of(link) == host


PIECES = ["[", "a.", "<a ", "href=", "url(", "[a](", "[]", "a-", "<a href=<", "x://", "mailto:"]


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_long(piece: str) -> None:
    started = time.process_time()
    links_in(piece * (MOST // len(piece)))
    targets_in(piece * (MOST // len(piece)))
    assert time.process_time() - started < 5
