"""Where something stands in a policy file: Cedar's own errors name no line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

_TOKEN = re.compile(
    r'(?P<space>[ \t\r\n]+|//[^\n]*)|(?P<string>"(?:[^"\\]|\\.)*")|\w+|::|==|!=|<=|>=|&&|\|\||[^\w \t\r\n]',
    re.DOTALL,
)
_QUOTED = re.compile(r"`([^`]+)`")
_UNFINISHED = "unexpected end of input"

Parse = Callable[[str], str | None]
"""What is wrong with a text, in Cedar's words; None where nothing is."""


class Place(msgspec.Struct, frozen=True):
    line: int
    column: int
    """Both from 1."""


class Statement(msgspec.Struct, frozen=True):
    """One policy with its annotations, from its first token to its semicolon."""

    text: str
    tokens: tuple[tuple[int, str], ...]
    """Offset in the whole file, and text."""


def statements(text: str) -> Iterator[Statement]:
    """Each policy in ``text``; what follows the last semicolon too, where it is more than comments."""
    tokens: list[tuple[int, str]] = []
    for match in _TOKEN.finditer(text):
        if match.group("space"):
            continue
        tokens.append((match.start(), match.group()))
        if match.group() == ";":
            yield _statement(text, tokens)
            tokens = []
    if tokens:
        yield _statement(text, tokens)


def _statement(text: str, tokens: list[tuple[int, str]]) -> Statement:
    (start, _), (last, word) = tokens[0], tokens[-1]
    return Statement(text[start : last + len(word)], tuple(tokens))


def place(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def parse_error_at(text: str, parse: Parse) -> tuple[Place, str] | None:
    """The first token that no policy can go on with."""
    for statement in statements(text):
        problem = parse(statement.text)
        if problem is not None:
            return place(text, _first_bad(text, statement, parse, problem)), problem
    whole = parse(text)  # never the first to find something, unless Cedar splits a text otherwise
    return None if whole is None else (Place(1, 1), whole)


def _first_bad(text: str, statement: Statement, parse: Parse, problem: str) -> int:
    """Whatever may still become a policy ends too early; the first start that fails otherwise ends in the error."""
    first, last = statement.tokens[0][0], statement.tokens[-1][0]
    for offset, word in statement.tokens:
        found = parse(text[first : offset + len(word)])
        if found is not None and found != _UNFINISHED:
            return offset if offset != last or word in _QUOTED.findall(found) else _named(statement, problem)
    return last


def _named(statement: Statement, problem: str) -> int:
    """The token that the message names, or else the start of the statement."""
    words = {problem.rpartition(" ")[2].lstrip("@"), *_QUOTED.findall(problem)}
    return next((at for at, word in statement.tokens if word in words), statement.tokens[0][0])


def validation_error_at(text: str, index: int, problem: str) -> Place:
    """Where policy number ``index`` says what the schema does not know."""
    found = list(statements(text))
    if index >= len(found):
        return Place(1, 1)
    statement = found[index]
    for quoted in _QUOTED.findall(problem)[1:]:  # the first one names the policy
        words = [word for _, word in _tokens_of(quoted)]
        spelt = [word for _, word in statement.tokens]
        for at in range(len(spelt) - len(words) + 1):
            if spelt[at : at + len(words)] == words:
                return place(text, statement.tokens[at][0])
    return place(text, statement.tokens[0][0])


def _tokens_of(text: str) -> list[tuple[int, str]]:
    return [(m.start(), m.group()) for m in _TOKEN.finditer(text) if not m.group("space")]
