"""What holds for every page."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import combinations
from math import dist

import pytest

from meshclaw.pages.page import MOST_ROWS, Fact, Figure, Page, Section, Table, render, tied
from tests.pages import colours
from tests.pages.reading import Page as Read
from tests.pages.reading import is_harmless

HOSTILE = "<script>alert(1)</script>\"'><img src=http://evil.test/x onerror=y>&amp;</style></svg>"


def whole(text: str) -> Page:
    """Every place of a page filled with ``text``."""
    table = Table(heads=(text, text), rows=[(text, text)] * (MOST_ROWS + 2))
    figure = Figure(id="f", title=text, svg="", table=table, note=text, empty=text)
    section = Section(
        id="s",
        question=text,
        answer=text,
        figures=[figure, figure],
        points=[text],
        table=table,
        how=[(text, text)],
    )
    fact = Fact(label=text, value=text, how=[(text, text)])
    return Page(
        title=text, question=text, answer=text, about=text, caveats=[text], facts=[fact] * 5, sections=[section],
        footer=[text],
    )  # fmt: skip


def test_whatever_is_said_is_text() -> None:
    html = render(whole(HOSTILE))
    assert is_harmless(html)
    assert {tag for tag, _ in Read(html).tags} == {tag for tag, _ in Read(render(whole("word"))).tags}
    assert not Read(html).unclosed


def test_only_the_style_of_the_page_itself_is_let_in() -> None:
    html = render(whole("word"))
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    [policy] = [a["content"] for tag, a in Read(html).tags if tag == "meta" and a.get("http-equiv")]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_a_long_table_says_how_much_is_left_out() -> None:
    html = render(whole("word"))
    assert "2 more lines" in html


def test_a_sixth_number_is_refused() -> None:
    fact = Fact(label="x", value="1", how=[])
    with pytest.raises(ValueError, match="6 numbers"):
        render(Page(title="t", question="q", answer="a", about="b", facts=[fact] * 6))


def test_a_number_stays_with_its_unit() -> None:
    assert tied("3.53 M for 1 hour, 20 % of 5 Gs") == "3.53\u00a0M for 1 hour, 20\u00a0% of 5 Gs"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_and_marks_stand_out(theme: str) -> None:
    """WCAG 2.2: 1.4.3 asks for 4.5 in text, 1.4.11 for 3 in marks."""
    found = colours.themes()[theme]
    for paper in ("paper", "card"):
        assert all(colours.contrast(found[ink], found[paper]) >= 4.5 for ink in ("ink", "soft", "accent"))
    assert all(colours.contrast(found[f"c{tone}"], found["card"]) >= 3 for tone in range(1, 7))
    assert colours.contrast(found["danger"], found["danger-paper"]) >= 4.5


@pytest.mark.parametrize("eye", colours.EYES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_any_two_colours_can_be_told_apart(theme: str, eye: str) -> None:
    """Patterns and labels tell them apart as well; 18 is about eight times what an eye can just see."""
    found = [colours.seen(colours.themes()[theme][f"c{tone}"], eye) for tone in range(1, 7)]
    assert min(dist(one, other) for one, other in combinations(found, 2)) >= 18
