"""The YAML between two lines of dashes that opens an AGENT.md or a SKILL.md, read as hostile text.

Only the parser of the YAML library is used: no tag makes an object, an alias is refused before it can grow, a key twice
is a mistake, and every plain value stays the text it is (``version: 1.10`` is no number, ``no`` is no boolean) until
the type of its field is known. Every mistake is told with file and line.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

import msgspec

from meshclaw.errors import UserError

MOST_BYTES = 65_536
"""Of a whole file."""
MOST_YAML = 16_384
"""Characters of its front matter."""
DEEPEST = 8
MOST_VALUES = 1_000
_JOINERS = "\u200c\u200d"
"""The two invisible characters that writing needs: within Persian words, and within emoji."""

T = TypeVar("T")


class Front(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    values: dict[str, object]
    """Texts, lists and maps; nothing else."""
    lines: Mapping[str, int]
    """By path, as in ``$.rights.effects[0]``."""
    body: str
    """What stands below, without the blank lines around it."""

    def error(self, path: str, problem: str, *, fix: str = "") -> UserError:
        """At the line of ``path``, or of the nearest thing around it."""
        while path not in self.lines and path != "$":
            path = re.sub(r"(\.[^.\[]*|\[[^\]]*\])$", "", path) or "$"
        return UserError(f"{self.file}:{self.lines.get(path, 1)}: {problem}", fix=fix)

    def into(self, type_: type[T]) -> T:
        """As a value of ``type_``. Raises UserError with line, and with what was probably meant."""
        try:
            return msgspec.convert(self.values, type_, strict=False)
        except msgspec.ValidationError as error:
            message, _, at = str(error).partition(" - at ")
            path = at.rpartition(" in ")[2].strip("`") or "$"
            raise self._explained(message, path, type_) from error

    def _explained(self, message: str, path: str, type_: type[object]) -> UserError:
        name = path.rpartition(".")[2]
        where = "" if path == "$" else f" ({name})"
        if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", message):
            field, known = unknown[1], _fields(type_, path)
            return self.error(f"{path}.{field}", f"there is no field {field!r} here{_meant(field, known)}")
        if missing := re.fullmatch(r"Object missing required field `(.*)`", message):
            return self.error(path, f"the field {missing[1]!r} is missing{where}")
        if odd := re.fullmatch(r"Invalid enum value '(.*)'", message):
            options = _options(type_, path)
            return self.error(path, f"{odd[1]!r} is none of {', '.join(options)}{_meant(odd[1], options)}")
        for ours, theirs in _WORDS.items():
            message = message.replace(f"`{ours}`", theirs)
        return self.error(path, f"{message[:1].lower()}{message[1:]}{where}")


_WORDS = {
    "str": "a text",
    "int": "a number",
    "array": "a list",
    "object": "fields",
    "null": "nothing",
    "bool": "yes or no",
}


def read(raw: bytes, file: str) -> Front:
    """Raises UserError, with file and line, for whatever is not as it should be."""
    text = decoded(raw, file)
    if len(raw) > MOST_BYTES:
        raise UserError(
            f"{file}: {len(raw):,} bytes are more than {MOST_BYTES:,}", fix="Put details into skills."
        )
    parts = re.match(r"---[ \t]*\n(.*?\n)?---[ \t]*(?:\n(.*))?\Z", text, re.DOTALL)
    if parts is None:
        raise UserError(
            f"{file}:1: it does not begin with front matter",
            fix="Begin with a line ---, and end it with another.",
        )
    yaml = parts[1] or ""
    if len(yaml) > MOST_YAML:
        raise UserError(f"{file}:2: its front matter has {len(yaml):,} characters, more than {MOST_YAML:,}")
    values, lines = _Reading(file).read(yaml)
    return Front(file=file, values=values, lines=lines, body=(parts[2] or "").strip())


def decoded(raw: bytes, file: str) -> str:
    """As text with plain line ends. Raises UserError where a reader would not see all of it."""
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: it is no UTF-8 (byte {error.start:,})") from error
    if not text.isascii() or not text.replace("\n", " ").replace("\t", " ").isprintable():
        for number, line in enumerate(text.split("\n"), 1):
            if hidden := next(filter(_is_hidden, line), None):
                name = unicodedata.name(hidden, f"U+{ord(hidden):04X}")
                raise UserError(
                    f"{file}:{number}: it holds a character that nobody sees ({name})", fix="Take it out."
                )
    return text


def _is_hidden(character: str) -> bool:
    if character in _JOINERS or character == "\t":
        return False
    selector = "\U000e0000" <= character <= "\U000e0fff"
    return selector or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


class _Open(msgspec.Struct):
    """A list or map that is being read."""

    into: dict[str, object] | list[object]
    path: str
    key: str | None = None


class _Reading:
    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[str, int] = {}
        self._open: list[_Open] = []
        self._root: object = None
        self._count = 0

    def read(self, text: str) -> tuple[dict[str, object], dict[str, int]]:
        try:
            import yaml
        except ImportError as error:
            raise UserError(
                "agents in folders need the package PyYAML", fix="pip install 'openmeshclaw[agents]'"
            ) from error
        try:
            for event in cast("Iterable[Any]", yaml.parse(text, Loader=yaml.SafeLoader)):  # pyright: ignore[reportUnknownMemberType]
                self._take(event, type(event).__name__)
        except yaml.YAMLError as error:
            mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "it cannot be read"
            raise self._wrong(mark, f"this is no YAML: {problem}") from error
        if not isinstance(self._root, dict):
            raise UserError(
                f"{self._file}:2: its front matter is no list of fields", fix="Write: name: my-agent"
            )
        return cast("dict[str, object]", self._root), self._lines

    def _take(self, event: Any, kind: str) -> None:
        match kind:
            case "AliasEvent":
                raise self._wrong(event.start_mark, "an alias (*) is not taken here; write it out")
            case "DocumentStartEvent" if self._root is not None:
                raise self._wrong(event.start_mark, "a second document in the front matter")
            case "MappingStartEvent" | "SequenceStartEvent" | "ScalarEvent":
                self._check(event)
                self._value(event, kind)
            case "MappingEndEvent" | "SequenceEndEvent":
                self._open.pop()
            case _:  # the stream's and the document's ends
                pass

    def _check(self, event: Any) -> None:
        self._count += 1
        if event.anchor:
            raise self._wrong(event.start_mark, "an anchor (&) is not taken here")
        if event.tag:
            raise self._wrong(event.start_mark, f"the tag {event.tag!r} is not taken here")
        if len(self._open) > DEEPEST:
            raise self._wrong(event.start_mark, f"nested deeper than {DEEPEST}")
        if self._count > MOST_VALUES:
            raise self._wrong(event.start_mark, f"more than {MOST_VALUES:,} values")

    def _value(self, event: Any, kind: str) -> None:
        around = self._open[-1] if self._open else None
        if around is not None and isinstance(around.into, dict) and around.key is None:
            self._key(around, event, kind)
            return
        path = self._path(around)
        self._lines.setdefault(path, event.start_mark.line + 2)
        value: object = (
            {} if kind == "MappingStartEvent" else [] if kind == "SequenceStartEvent" else event.value
        )
        if around is None:
            self._root = value
        elif isinstance(around.into, list):
            around.into.append(value)
        else:
            around.into[str(around.key)] = value
            around.key = None
        if isinstance(value, dict | list):
            self._open.append(_Open(into=cast("dict[str, object] | list[object]", value), path=path))

    def _key(self, around: _Open, event: Any, kind: str) -> None:
        if kind != "ScalarEvent":
            raise self._wrong(event.start_mark, "the name of a field must be a word")
        if event.value in around.into:
            raise self._wrong(event.start_mark, f"the field {event.value!r} stands here twice")
        around.key = str(event.value)
        self._lines[f"{around.path}.{around.key}"] = event.start_mark.line + 2  # the dashes are line 1

    @staticmethod
    def _path(around: _Open | None) -> str:
        if around is None:
            return "$"
        return (
            f"{around.path}[{len(around.into)}]"
            if isinstance(around.into, list)
            else f"{around.path}.{around.key}"
        )

    def _wrong(self, mark: Any, problem: str) -> UserError:
        return UserError(f"{self._file}:{mark.line + 2 if mark else 2}: {problem}")


# -- what was meant ----------------------------------------------------------------------


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _at(type_: type[object], path: str) -> msgspec.inspect.Type:
    """What is expected at ``path``."""
    found: Any = msgspec.inspect.type_info(type_)
    for field, index in re.findall(r"\.([^.\[]+)|\[([^\]]*)\]", path):
        if field and isinstance(found, msgspec.inspect.StructType):
            found = next(one.type for one in found.fields if one.encode_name == field)
        elif isinstance(found, msgspec.inspect.DictType):
            found = found.value_type
        elif index and hasattr(found, "item_type"):
            found = found.item_type
    return cast("msgspec.inspect.Type", found)


def _fields(type_: type[object], path: str) -> list[str]:
    found = _at(type_, path)
    return [one.encode_name for one in found.fields] if isinstance(found, msgspec.inspect.StructType) else []


def _options(type_: type[object], path: str) -> list[str]:
    found = _at(type_, path)
    return [str(value) for value in found.values] if isinstance(found, msgspec.inspect.LiteralType) else []
