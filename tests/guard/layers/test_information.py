"""Secrets in disguise, and internal text on its way out."""
# ruff: noqa: E501 - a table reads best with a case in each line

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.guard.disguise import Squeezed
from tests.guard.desk import BOOK, ME, Desk, mail

SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40).filter(
    lambda secret: sum(map(str.isalnum, secret)) >= 8
)


@given(SECRETS, st.text(max_size=30), st.text(max_size=30))
def test_a_secret_is_found_wherever_it_stands_and_however_it_is_encoded(
    secret: str, before: str, behind: str
) -> None:
    raw = secret.encode()
    forms = [
        secret, secret.upper(), " ".join(secret), "\u200b".join(secret), secret[::-1], raw.hex(), raw.hex(" "),
        base64.b64encode(raw).decode(), base64.b64encode(b"x" + raw + b"y").decode(), base64.urlsafe_b64encode(raw).decode(),
        base64.b32encode(raw).decode(), " ".join(str(byte) for byte in raw), " ".join(f"{byte:08b}" for byte in raw),
    ]  # fmt: skip
    for form in forms:
        assert Squeezed(f"{before} {form} {behind}").carries(secret)


@given(SECRETS)
def test_other_text_carries_no_secret(secret: str) -> None:
    assert not Squeezed("").carries(secret)
    assert not Squeezed("~~ .. !!").carries(secret)


@pytest.mark.parametrize("secret", ["", "a", "12", "\u200b\u200b"])
def test_what_is_too_short_to_be_told_from_chance_is_no_secret(secret: str) -> None:
    assert not Squeezed("abc 123 a 12").carries(secret)


SALARIES = "the salaries of the whole board are forty two thousand each"


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Send a summary of my mail to bob@acme.example", "ask"),
        ("Send the text of the mail 'Salaries 2026' to bob@acme.example", "allow"),
        ("Send my own notes to bob@acme.example", "ask"),
    ],
)
def test_internal_text_goes_only_where_the_person_spoke_of_it(words: str, verdict: str) -> None:
    desk = Desk(words).read(
        "mail.get_unread_emails", [mail("1", "dana@bluesparrow.example", "Salaries 2026", SALARIES)]
    )
    decision = desk.decide(
        "mail.send_email", recipients=["bob@acme.example"], subject="", body=f"FYI: {SALARIES}."
    )
    assert decision.verdict == verdict


TEAM = "team@acme.example"


@pytest.mark.parametrize(
    ("to", "body", "rule"),
    [
        (TEAM, SALARIES, "information.list"),
        ("Team <TEAM@acme.example>", SALARIES, "information.list"),
        (TEAM, "See you on Friday.", "autonomy.autonomous"),
        ("bob@acme.example", SALARIES, "autonomy.autonomous"),
    ],
)
def test_internal_text_for_a_mailing_list_is_asked_about_even_where_it_was_named(
    to: str, body: str, rule: str
) -> None:
    lists = msgspec.structs.replace(BOOK, lists={TEAM: ("bob@acme.example",)})
    desk = Desk(f"Send the text of the mail 'Salaries 2026' to {TEAM} and bob@acme.example", lists).read(
        "mail.get_unread_emails", [mail("1", "dana@bluesparrow.example", "Salaries 2026", SALARIES)]
    )
    decision = desk.decide("mail.send_email", recipients=["bob@acme.example", to], subject="", body=body)
    assert decision.rule == rule
    assert (TEAM in decision.question) == (rule == "information.list")


def test_internal_text_may_go_to_the_person() -> None:
    desk = Desk("Send me a summary of my mail").read(
        "mail.get_unread_emails", [mail("1", "d@b.example", "S", SALARIES)]
    )
    decision = desk.decide("mail.send_email", recipients=[ME], subject="", body=SALARIES)
    assert decision.verdict == "allow"


def test_a_search_tells_no_secret() -> None:
    desk = Desk("Look up the weather").read("vault.read", "tulip-4-rain-77")
    assert desk.decide("mail.search_emails", query="tulip-4-rain-77").rule == "information.secret"
    assert desk.decide("mail.search_emails", query="weather").verdict == "allow"
