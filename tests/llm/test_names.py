from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.llm.names import name_of

WORD = st.text(st.sampled_from("ab_-.X9"), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        ("mail.move", "mail__move"),
        ("files.delete_file", "files__delete_file"),
        ("mcp.git-hub.create_issue", "mcp__git-hub__create_issue"),
    ],
)
def test_a_plain_verb_can_be_read_in_its_name(verb: str, name: str) -> None:
    assert name_of(verb) == name


@given(one=st.one_of(WORD, st.text(max_size=90)), other=st.one_of(WORD, st.text(max_size=90)))
def test_every_name_is_one_that_servers_take_and_no_two_verbs_share_one(one: str, other: str) -> None:
    """The pattern is the narrowest of the vendors' (OpenAI's, with Google's first character)."""
    names = [name_of(verb) for verb in (one, other)]
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name) for name in names)
    assert (names[0] == names[1]) == (one == other)


@pytest.mark.parametrize(
    "twin", ["a__b", "a_.b", "a._b", "a.b_", "_a.b", "a b", "a.b\u00e9", "9a.b", "x" * 65, ""]
)
def test_what_is_not_plain_has_a_name_of_its_own(twin: str) -> None:
    assert re.fullmatch(r"v_[A-Za-z0-9_-]*___[0-9a-f]{16}", name_of(twin))
