"""What cannot be seen is written out; nothing is lost and nothing can imitate a mark."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.guard.exposed import exposed, hidden, kind_of, wrapped

ANY = st.text(st.characters())  # surrogates included


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("plain", ["plain"]),
        ("a\r\nb\nc", ["a", "b", "c"]),
        ("a\rb", ["a\u2039U+000D\u203ab"]),
        ("\x1b[2J", ["\u2039U+001B\u203a[2J"]),
        ("ze\u200bro", ["ze\u2039U+200B\u203aro"]),
        ("\u202etxt.exe", ["\u2039U+202E\u203atxt.exe"]),
        ("\U000e0041", ["\u2039U+E0041\u203a"]),
        ("a\u00a0b", ["a\u2039U+00A0\u203ab"]),
        ("\u2039U+200B\u203a", ["\u2039U+2039\u203aU+200B\u2039U+203A\u203a"]),
        ("a\u2028b\x85c", ["a\u2039U+2028\u203ab\u2039U+0085\u203ac"]),
        ("\u0301x", ["\u2039U+0301\u203ax"]),
        ("e" + "\u0301" * 5, ["e" + "\u0301" * 3 + "\u2039U+0301\u203a" * 2]),
        ("\u3164\u2800", ["\u2039U+3164\u203a\u2039U+2800\u203a"]),
        ("\ud800", ["\u2039U+D800\u203a"]),
        ("Grüße 日本 שלום", ["Grüße 日本 שלום"]),
        ("a\tb", ["a⇥b"]),
    ],
)  # fmt: skip
def test_exposed(text: str, lines: list[str]) -> None:
    assert exposed(text) == lines


@given(ANY)
def test_no_line_holds_anything_a_terminal_obeys_or_an_eye_misses(text: str) -> None:
    for line in exposed(text):
        assert all(kind_of(c) is None for c in line)
        assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in line)


@given(ANY, ANY)
def test_two_texts_never_look_the_same(one: str, other: str) -> None:
    def ends(text: str) -> str:
        return text.replace("\r\n", "\n")

    assert (exposed(one) == exposed(other)) == (ends(one) == ends(other))


@given(ANY, st.integers(8, 60))
def test_pieces_join_to_the_line_and_fit(text: str, width: int) -> None:
    for line in exposed(text):
        pieces = wrapped(line, width)
        assert "".join(pieces) == line
        assert all(
            sum(1 if c.isascii() or c in "\u2039\u203a" else 2 for c in piece) <= width for piece in pieces
        )


def test_hidden_counts_each_kind() -> None:
    assert hidden("a\u200b\u200d\x1b\u202e\r\n\tb") == [
        "bidirectional controls, which reorder text (1)", "control characters (1)", "invisible characters (2)",
    ]  # fmt: skip
    assert hidden("Nothing odd, äöü 日本") == []
