"""What a server says of its tools, and how much of it anybody else gets to see.

All of it is a stranger's text. A person reads it once, at the review; a model gets the shape of the arguments without
a word of prose; the digest is pinned, so that a tool that talks differently is another tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import msgspec

from meshclaw.errors import Damaged
from meshclaw.flow.action import Value
from meshclaw.flow.units import digest_of

MOST_TOOLS = 500
_DEPTH = 8
_MOST_PARTS = 400
_MOST_CHOICES = 64
_WORD = re.compile(r"[A-Za-z0-9_.:/+\-]{1,64}")
"""What an enumerated value or the name of a field may look like: a name, not a sentence."""
_TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_FORMATS = frozenset(
    ("date", "date-time", "time", "email", "uri", "uuid", "duration", "hostname", "ipv4", "ipv6")
)
_NUMBERS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


class Undoing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which verb takes this one back, and with what: ``result.PATH`` or ``argument.NAME``."""

    verb: str
    arguments: dict[str, str] = {}


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """As its server defines it."""

    name: str
    title: str = ""
    description: str = ""
    takes: dict[str, Value] = {}
    """JSON Schema of its arguments."""
    brings: dict[str, Value] = {}
    """JSON Schema of its structured result."""
    hints: dict[str, Value] = {}
    """What it says about its own effect; nobody believes it."""

    def digest(self, undoing: Undoing | None = None) -> str:
        """Pins every word of it, and how it is taken back."""
        return digest_of({"tool": self, "undo": undoing})


def plain_name(tool: Tool) -> bool:
    """Whether it can be a verb; any other is not used."""
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", tool.name))


# -- as reviewed --------------------------------------------------------------------------------


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """What a person saw at the last review; the ledger pins it by digests."""

    tools: dict[str, Tool] = {}


def path_of(folder: Path, name: str) -> Path:
    return folder / "mcp" / f"{name}.json"


def reviewed(folder: Path, name: str) -> Reviewed:
    """Empty where there was no review. Raises Damaged where it cannot be read."""
    path = path_of(folder, name)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Reviewed)
    except FileNotFoundError:
        return Reviewed()
    except (OSError, msgspec.MsgspecError) as error:
        raise Damaged(
            f"{str(path)!r} cannot be read ({error})",
            fix=f"Look at the server again: meshclaw mcp review {name}",
        ) from error


def keep(folder: Path, name: str, tools: Iterable[Tool]) -> None:
    path = path_of(folder, name)
    partial = path.with_suffix(".part")
    partial.write_bytes(msgspec.json.encode(Reviewed(tools={tool.name: tool for tool in tools})))
    partial.replace(path)


# -- for a model --------------------------------------------------------------------------------


def shape(tool: Tool, names: Iterable[str]) -> dict[str, Value]:
    """The schema of the arguments ``names``: types and choices, and nothing that could be read as an instruction."""
    given = _table(tool.takes.get("properties"))
    shaping = _Shaping(tool.takes)
    wanted = [name for name in names if name in given]
    needed = [name for name in _several(tool.takes.get("required")) if name in wanted]
    found: dict[str, Value] = {
        "type": "object", "properties": {name: shaping.of(given[name]) for name in wanted},
        "additionalProperties": False,
    }  # fmt: skip
    return {**found, "required": needed} if needed else found


class _Shaping:
    """One schema, walked with an end: what refers to itself, or branches without one, is cut short."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root
        self._left = _MOST_PARTS

    def of(self, given: object, depth: int = _DEPTH) -> dict[str, Value]:
        schema = _table(given)
        self._left -= 1
        if depth == 0 or self._left < 0:
            return {}
        if isinstance(reference := schema.get("$ref"), str):
            return self.of(self._resolved(reference), depth - 1)
        return {**_plain(schema), **self._nested(schema, depth - 1)}

    def _nested(self, schema: Mapping[str, object], depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        if "items" in schema:
            found["items"] = self.of(schema["items"], depth)
        fields = {
            name: one for name, one in _table(schema.get("properties")).items() if _WORD.fullmatch(name)
        }
        if fields:
            found["properties"] = {name: self.of(one, depth) for name, one in fields.items()}
            found["required"] = [name for name in _several(schema.get("required")) if name in fields]
        branches = _several(schema.get("anyOf")) or _several(schema.get("oneOf"))
        if branches:
            found["anyOf"] = [self.of(one, depth) for one in branches]
        return found

    def _resolved(self, reference: str) -> object:
        """Within the same schema only: nothing is ever fetched."""
        place: object = self._root
        for step in reference.removeprefix("#/").split("/"):
            place = _table(place).get(step)
        return place


def _plain(schema: Mapping[str, object]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if types := [one for one in _several(schema.get("type")) if one in _TYPES]:
        found["type"] = types[0] if len(types) == 1 else types
    if choices := [one for one in _several(schema.get("enum")) if _is_choice(one)][:_MOST_CHOICES]:
        found["enum"] = choices
    if schema.get("format") in _FORMATS:
        found["format"] = str(schema["format"])
    for name in _NUMBERS:
        if isinstance(number := schema.get(name), int | float):
            found[name] = number
    return found


def _is_choice(value: object) -> bool:
    return value is None or isinstance(value, int | float) or bool(_WORD.fullmatch(str(value)))


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _several(value: object) -> list[Value]:
    return (
        cast("list[Value]", value)
        if isinstance(value, list)
        else []
        if value is None
        else [cast("Value", value)]
    )
