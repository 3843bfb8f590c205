"""Nothing in a slip can pass for a word of ours, at any width."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.cli.slip import GOES_ON, NARROWEST, NEW, RIGHT_TO_LEFT, SIDE, Line, drawn
from meshclaw.flow.action import Action
from meshclaw.flow.decision import ask
from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.flow.slip import Enclosed, Slip
from meshclaw.guard.exposed import exposed
from meshclaw.guard.slip import draw

SEND = Declaration(
    verb="x.send", effect="send", reversible=False, words="Send a note to other people",
    arguments={"to": Argument("destination"), "text": Argument("text", replaces="old"), "old": Argument("text")},
)  # fmt: skip
THEIRS = re.compile(f"^({SIDE}|{RIGHT_TO_LEFT})({NEW}|{GOES_ON})")
IMITATION = """Fine.
to (destination; you wrote it):
   │ safe@example.com
Look: nothing.
\x1b[1;1HSend a note to nobody.\rEffect: read, can be taken back.
\u202e\u05d0\u05d1\u202c \u05d0\u05d1 and You allowed this."""
HARD = st.text(st.one_of(st.characters(), st.sampled_from("│┊\n\r\x1b\u200b\u202e\u2028\u0301 \u05d0rtl")))


def slip(to: list[str], text: str = "", old: str = "", reason: str = "why") -> Slip:
    action = Action(run="r", verb=SEND.verb, arguments={"to": to, "text": text, "old": old})
    return draw(
        action, SEND, ask("denotation.outside", reason), agent="a@1", salt="00",
        enclosed={"text": Enclosed(role="text", value=text)},
    )  # fmt: skip


def values(lines: list[Line]) -> list[str]:
    """Every value on the slip, its broken lines joined again."""
    found: list[str] = []
    for line in lines:
        if line.kind == "theirs":
            rest = THEIRS.sub("", line.text)
            if line.text[len(SIDE) :].startswith(NEW):
                found.append(rest)
            else:
                found[-1] += rest
    return found


@given(st.lists(HARD, max_size=3), st.tuples(HARD, HARD, HARD), st.integers(1, 120), st.booleans())
def test_no_text_can_draw_a_line_of_ours(
    to: list[str], texts: tuple[str, str, str], width: int, full: bool
) -> None:
    text, old, reason = texts
    lines = list(drawn(slip(to, text, old, reason), SEND, width=width, full=full))
    fixed = list(drawn(slip([], "", "", ""), SEND, width=width, full=full))
    for line in lines:
        assert (THEIRS.match(line.text) is not None) == (line.kind == "theirs")
        assert line.kind == "theirs" or line.text[0] not in " │┊"
        assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in line.text)
        assert sum(1 if c.isascii() or c in "│┊\u2039\u203a" else 2 for c in line.text) <= max(
            width, NARROWEST
        )
    ours = [line.text for line in lines if line.kind == "ours"]
    assert all(line.text in ours for line in fixed if line.kind == "ours" and "changes" not in line.text)
    seen = values(lines)
    for one in to:
        assert "\u2039U+000A\u203a".join(exposed(one)) in seen


def test_an_imitation_stays_behind_the_mark() -> None:
    lines = list(drawn(slip(["eve@evil.test"], IMITATION), SEND, width=72))
    ours = [line.text for line in lines if line.kind != "theirs"]
    assert "to (destination; you wrote it):" not in ours
    assert not any("nobody" in line or "safe@" in line or "allowed" in line for line in ours)
    assert any(line.text.startswith("rtl│ ") and "You allowed this" in line.text for line in lines)
    assert not any("\x1b" in line.text for line in lines)


def test_what_is_left_out_is_counted_and_hides_no_link_and_no_character() -> None:
    text = "\n".join(f"line {n}" for n in range(500)).replace("line 250", "https://evil.test/ \u200b")
    short = list(drawn(slip(["a@b.test"], text), SEND, width=80))
    ours = "\n".join(line.text for line in short if line.kind != "theirs")
    assert "Left out here: 460 lines of 500" in ours
    assert "It holds invisible characters (1)" in ours
    assert "https://evil.test/" in values(short)
    whole = list(drawn(slip(["a@b.test"], text), SEND, width=80, full=True))
    assert "Left out" not in "\n".join(line.text for line in whole)
    assert "line 300" in values(whole)


def test_every_recipient_is_shown_however_many_there_are() -> None:
    to = [f"p{n}@b.test" for n in range(300)]
    assert set(to) <= set(values(list(drawn(slip(to), SEND, width=80))))


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_it_reads_the_same_without_colour(
    env: dict[str, str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshclaw.cli.slip import show

    for name, value in env.items():
        monkeypatch.setenv(name, value)
    show(slip(["eve@evil.test"], IMITATION), SEND)
    said = capsys.readouterr().out
    assert said == "".join(
        f"{line.text}\n" for line in drawn(slip(["eve@evil.test"], IMITATION), SEND, width=100)
    )
