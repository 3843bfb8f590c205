"""What a page says: one question, its answer in words, at most five numbers, and plots that can be opened."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
TIE = "\N{NO-BREAK SPACE}"
UNITS = re.compile(r"(?<=\d) (?=[kMG%](?![A-Za-z]))")
MOST_FACTS = 5
MOST_ROWS = 200
"""Rows of a table; the last one says how many more there are."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A number of the head, which opens to how it was made."""

    label: str
    value: str
    how: list[tuple[str, str]]
    """Terms and what they mean: definition, n, period, ..."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a plot. The first column names the row, the others are numbers unless ``words`` says so."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: bool = False

    @property
    def shown(self) -> Sequence[Sequence[str]]:
        return self.rows[:MOST_ROWS]

    @property
    def left_out(self) -> int:
        return max(0, len(self.rows) - MOST_ROWS)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What a colour stands for."""

    tone: str
    name: str
    value: str = ""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    svg: str
    """Empty where there is nothing to plot; then ``empty`` says why."""
    table: Table
    keys: Sequence[Key] = ()
    note: str = ""
    empty: str = "There is nothing to plot here."


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its answer, and the plots that show it."""

    id: str
    question: str
    answer: str
    figures: Sequence[Figure] = ()
    points: Sequence[str] = ()
    """Sentences, one a line."""
    table: Table | None = None
    how: Sequence[tuple[str, str]] = ()
    opens: str = "How this was counted"
    """What is said of ``how`` while it is closed."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    """Of the window; the question is the heading."""
    question: str
    answer: str
    about: str
    """Period, time and what else holds for all of it."""
    caveats: Sequence[str] = ()
    """What could not be known, before anything else."""
    facts: Sequence[Fact] = ()
    sections: Sequence[Section] = ()
    footer: Sequence[str] = ()


def render(page: Page) -> str:
    if len(page.facts) > MOST_FACTS:
        raise ValueError(f"{len(page.facts)} numbers in the head of {page.title!r}; {MOST_FACTS} is the most")
    return rendered("page.html", ("style.css", "plot.css"), page=page)


def rendered(template: str, styles: Sequence[str], **context: object) -> str:
    """One file that loads nothing. Its one style is named by its digest, so that no other is let in."""
    style = "".join((HERE / name).read_text("utf-8") for name in styles)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return _environment().get_template(template).render(style=style, style_digest=digest, **context)


@cache
def _environment() -> Environment:
    # Jinja2 costs more to import than most commands; only a page needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=printable,
    )  # fmt: skip
    made.filters["tied"] = tied
    return made


def printable(value: object) -> object:
    """Of text that is yet to be escaped: no controls, and nothing that turns it around, whoever wrote it."""
    if not isinstance(value, str) or hasattr(value, "__html__") or value.isprintable():
        return value
    return "".join(one if one.isprintable() or one == TIE else " " for one in value)


def tied(text: str) -> str:
    """A number and its unit stay on one line."""
    return UNITS.sub(TIE, text)
