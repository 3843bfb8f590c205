"""Classes of files that are set apart by their path: which there are, and which one a path belongs to."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged

RULES = Path(__file__).with_name("classes.toml")
FOLDER = re.compile(r"\*\*/[\w.-]+/\*\*")
NAME = re.compile(r"[\w.-]+")
ENDING = re.compile(r"\*[\w.-]+")


class Class(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    words: str
    paths: str
    """Git attribute patterns between white space."""


class Classes:
    """``words`` by name, for a report; ``attributes`` for git, so that it compares no such file; ``version`` changes
    with the rules."""

    def __init__(self, text: str) -> None:
        found = msgspec.convert(tomllib.loads(text), dict[str, Class])
        patterns = [(name, pattern) for name, one in found.items() for pattern in one.paths.split()]
        self.words = {name: one.words for name, one in found.items()}
        self.attributes = "".join(f"{pattern} -diff\n" for _, pattern in patterns)
        self.version = sha256(text.encode()).hexdigest()[:16]
        self._order = list(found)
        self._names: dict[bytes, str] = {}
        self._folders: dict[bytes, str] = {}
        self._endings: dict[str, list[bytes]] = {}
        self._others: list[tuple[re.Pattern[bytes], str]] = []
        for name, pattern in patterns:
            self._add(name, pattern)
        self._ends = [(name, tuple(endings)) for name, endings in self._endings.items()]

    def _add(self, name: str, pattern: str) -> None:
        """Where a look-up does it, none of the slower ways: most paths are asked about once, and there are many."""
        if FOLDER.fullmatch(pattern):
            self._folders.setdefault(pattern[3:-3].encode(), name)
        elif NAME.fullmatch(pattern):
            self._names.setdefault(pattern.encode(), name)
        elif ENDING.fullmatch(pattern):
            self._endings.setdefault(name, []).append(pattern[1:].encode())
        else:
            self._others.append((re.compile(_expression(pattern).encode(), re.DOTALL), name))

    def of(self, path: bytes) -> str:
        """Name of the class, empty for source."""
        *folders, name = path.split(b"/")
        found = {self._folders[folder] for folder in folders if folder in self._folders}
        found |= {self._names[name]} if name in self._names else set[str]()
        found |= {other for other, endings in self._ends if name.endswith(endings)}
        found |= {other for expression, other in self._others if expression.fullmatch(path)}
        return min(found, key=self._order.index, default="")


@cache
def classes() -> Classes:
    return Classes(RULES.read_text("utf-8"))


def _expression(pattern: str) -> str:
    """The regular expression of a pattern, for a whole path."""
    if re.search(r'[?\[\]\\!#"]', pattern):
        raise Damaged(f"{RULES.name}: {pattern!r} uses more of git's patterns than is understood here")
    anywhere = pattern if "/" in pattern else f"**/{pattern}"
    words = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*"}
    pieces = re.split(r"(\*\*/|/\*\*$|\*)", anywhere)
    return "".join(words.get(piece) or re.escape(piece) for piece in pieces)
