"""The quick ways give what the plain ones give, for any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshclaw.connectors.mail.message.body import _WORD, _words
from meshclaw.connectors.mail.message.characters import fold, one_line, strip, tidy

ODD = "\0\x01\t\x0b\r\n\x1f\x7f\x85\xa0\xad\u034f\u1160\u2003\u200b\u200d\u2028\u3000\u3164\ufe0f\ufeff\ud800"
texts = st.text(st.one_of(st.sampled_from("ab é\n" + ODD), st.characters()), max_size=60)


def folded_line_by_line(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.split("\n")]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept).strip("\n")


@given(texts)
def test_folding_at_once_is_folding_line_by_line(text: str) -> None:
    assert fold(text) == folded_line_by_line(text)


@given(texts)
def test_tidying_is_stripping_and_then_folding(text: str) -> None:
    seen, removed = strip(text)
    assert tidy(text) == (folded_line_by_line(seen), removed)


@given(texts)
def test_a_line_is_stripped_text_with_single_spaces(text: str) -> None:
    assert one_line(text) == " ".join(strip(text).text.split())


@given(st.text(st.one_of(st.sampled_from("ab'_1 -é"), st.characters(codec="ascii")), max_size=60))
def test_words_of_ascii_are_the_words_of_any_text(text: str) -> None:
    assert _words(text) == set(_WORD.findall(text))
