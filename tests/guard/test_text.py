"""Addresses, links and phrases in normal form; whatever the text, in bounded time."""

from __future__ import annotations

import time

import pytest

from meshclaw.guard import text
from meshclaw.guard.request import amounts
from tests.guard.desk import Desk, mail


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Bob@Acme.Example", "bob@acme.example"),
        (" Bob Stone <bob@acme.example> ", "bob@acme.example"),
        ("bob@acme.example.", "bob@acme.example"),
        ("bob@b\u00fccher.example", "bob@xn--bcher-kva.example"),
        ("bob@fa\u00df.example", "bob@xn--fa-hia.example"),
        ("mallory@evil.example <bob@acme.example>", ""),
        ("bob@acme.example,eve@evil.example", ""),
        ("bob(eve)@acme.example", ""),
        ('"a b"@acme.example', ""),
        ("bob@acme\u3002example", ""),
        ("bob", ""),
        ("", ""),
    ],
)
def test_an_address_is_exactly_one(written: str, expected: str) -> None:
    assert text.address(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://www.News.example/A/", "news.example/A"),
        ("http://news.example.", "news.example"),
        ("news.example/a#b", "news.example/a#b"),
        ("ftp://news.example", "ftp://news.example"),
        ("https://bank.example@evil.example", "bank.example@evil.example"),
        ("http://fa\u00df.example/x", "xn--fa-hia.example/x"),
    ],
)
def test_a_link_keeps_all_that_decides_where_it_leads(written: str, expected: str) -> None:
    assert text.link(written) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Pay 50 EUR for invoice 9000", {"50"}),
        ("Pay 1,250.50 USD", {"1250.5"}),
        ("€2k for the flat", {"2000"}),
        ("1. Look\n2. Pay 10", {"10"}),
        ("transfer 75 on May 26th at 10:00, room 12", {"75"}),
        ("2026-11-23", set()),
        ("100", {"100"}),
    ],
)
def test_amounts_are_sums_and_no_other_numbers(words: str, expected: set[str]) -> None:
    assert amounts.spoken(words) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [("50.00", "", "50"), ("5000", "usd.cents", "50"), ("1,250.50", "usd", "1250.5"), ("-50", "", ""),
     ("nan", "", ""), ("1e3", "", ""), ("\u0665\u0660", "", ""), ("True", "", ""), ("", "", "")],
)  # fmt: skip
def test_an_amount_is_a_plain_number(value: str, unit: str, expected: str) -> None:
    assert amounts.normal(value, unit) == expected


def test_a_phrase_stands_between_word_boundaries() -> None:
    assert text.holds("cat", "a cat.")
    assert not text.holds("cat", "concat")
    assert not text.holds("", "x")
    assert text.holds("a", "aa a")


LONG = 300_000
BOMBS = [
    "a" * LONG, "a." * (LONG // 2), "a@" * (LONG // 2), "-" * LONG, "'" * LONG, '"' * LONG,
    "a 'b " * (LONG // 5), "![" * (LONG // 2), "http:" * (LONG // 5), "a:/" * (LONG // 3), "1 " * (LONG // 2),
    "1.1" * (LONG // 3), "eyJ-" * (LONG // 4), "< " * (LONG // 2), "> x\n" * (LONG // 4), "```" * (LONG // 3),
    "says: " * (LONG // 6), "message " * (LONG // 8), "not to " * (LONG // 7), "[.]" * (LONG // 3),
    "From: x\n" * (LONG // 8), "A b" * (LONG // 3), "Ab " * (LONG // 3), "send, " * (LONG // 6),
    "ask a " * (LONG // 6), "do not , " * (LONG // 9), "\u200b" * LONG, "\u0130" * LONG, "1,111" * (LONG // 5),
    "hi \n" * (LONG // 4), "-----BEGIN " * (LONG // 11), "delete it and " * (LONG // 14), "e\u0301" * (LONG // 2),
    "delete x " * (LONG // 9),
    "do not delete x " * (LONG // 16),
    "www." * (LONG // 4), "//a" * (LONG // 3), " dot " * (LONG // 5), "mailto:" * (LONG // 7), "//a.b@" * (LONG // 6),
    "https://a)" * (LONG // 10), "[](" * (LONG // 3), "[a]: " * (LONG // 5), "url( " * (LONG // 5),
    "href=" * (LONG // 5), "<a:b|" * (LONG // 5), "&amp;" * (LONG // 5), "a.b:x" * (LONG // 5), "#" * LONG,
    "message" * (LONG // 7) + ":", "wrote " * (LONG // 6), "summarize " * (LONG // 10), "let a know " * (LONG // 11),
]  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: ascii(bomb[:12]))
def test_a_long_text_of_anything_is_judged_in_time_that_grows_with_its_length(bomb: str) -> None:
    """As the request, as what was read, and as what goes out: a second or less each, more on a busy machine."""
    started = time.process_time()
    Desk(bomb).decide("mail.send_email", recipients=["x@y.example"], subject="", body="x")
    told = Desk("Send the summary to bob@acme.example")
    told.read("mail.get_unread_emails", [mail("1", bomb, bomb, bomb)])
    decision = told.decide("mail.send_email", recipients=[bomb, "x"], subject="x", body=bomb)
    assert decision.rule != "guard.error"
    assert decision.verdict != "allow"
    assert time.process_time() - started < 6
