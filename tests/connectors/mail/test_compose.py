"""A composed mail is the same for the same id, and its id holds no digits that could be taken for an account's."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from meshclaw.connectors.mail.compose import compose


@given(st.uuids(version=4))
def test_its_id_is_its_own_and_has_no_digits(id_: object) -> None:
    one = compose(
        "ada@example.com",
        ["kim@example.com"],
        "Hi",
        "Hello.",
        id_=str(id_),
        when="Sat, 21 Nov 2026 19:40:00 +0000",
    )
    assert one == compose(
        "ada@example.com",
        ["kim@example.com"],
        "Hi",
        "Hello.",
        id_=str(id_),
        when="Sat, 21 Nov 2026 19:40:00 +0000",
    )
    found = re.search(r"^Message-ID: <claw\.([a-p]{32})@example\.com>", one, re.MULTILINE)
    assert found


def test_an_answer_names_what_it_answers() -> None:
    raw = compose(
        "ada@example.com", ["kim@example.com"], "Re: Hi", "Yes.", id_="1", answers="<x@example.com>"
    )
    assert "In-Reply-To: <x@example.com>" in raw
    assert "References: <x@example.com>" in raw
