"""What a run has read, field by field, with who could have written each: the ground on which targets are judged.

Kept by type while the run goes on, so that a decision looks only at what its question is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import msgspec

from meshclaw.flow.action import Action, leaves
from meshclaw.flow.declaration import Declaration, Field
from meshclaw.guard import text

UNDECLARED = Field("free_text")


class Leaf(msgspec.Struct, frozen=True):
    path: str
    value: str
    field: Field


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One performed action and how many records it brought."""

    number: int
    verb: str
    asked: tuple[str, ...]
    """The words and names it was called with."""
    changes: bool
    """It wrote something, so what it brought back is this run's own making."""
    records: int


class Record(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One thing that a call brought: a mail, a file, a name in a list."""

    call: Call
    leaves: tuple[Leaf, ...]

    def of(self, type_: str) -> Iterator[Leaf]:
        """Its structured values of one type."""
        return (leaf for leaf in self.leaves if leaf.field.type == type_ and leaf.field.kind == "structured")

    def names(self) -> Iterator[str]:
        return (leaf.value for leaf in self.leaves if leaf.field.type == "name")


class History:
    """Only ever added to. ``tainted`` once anything a stranger may have written was read."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.tainted = False
        self.secrets: list[str] = []
        """Values of secret fields that were read."""
        self._calls = 0
        self._by_type: dict[str, list[tuple[Record, Leaf]]] = defaultdict(list)
        self._by_value: dict[tuple[str, str], list[tuple[Record, Leaf]]] = defaultdict(list)
        self._texts: list[tuple[Record, Leaf]] = []
        self._approved: set[tuple[str, str, str]] = set()

    def add(self, action: Action, declaration: Declaration, value: object, *, approved: bool = False) -> None:
        """Take in what a performed action brought back; ``approved`` where a person had said yes to it."""
        things = [] if value is None else cast("list[object]", value) if isinstance(value, list) else [value]
        asked = tuple(str(leaf) for leaf in leaves(list(action.arguments.values())) if leaf not in (None, ""))
        changes = declaration.effect not in ("read", "draft")
        call = Call(number=self._calls, verb=action.verb, asked=asked, changes=changes, records=len(things))
        self._calls += 1
        for thing in things:
            self._take(
                Record(call=call, leaves=tuple(_walk(thing, "", declaration.results))), changes=changes
            )
        if approved:
            self._approved |= {(action.verb, path, leaf) for path, leaf in named_leaves(action.arguments)}

    def _take(self, record: Record, *, changes: bool) -> None:
        self.records.append(record)
        for leaf in record.leaves:
            if leaf.field.kind == "free_text":
                self._texts.append((record, leaf))
            else:
                type_ = leaf.field.type
                self._by_type[type_].append((record, leaf))
                self._by_value[type_, normal(type_, leaf.value)].append((record, leaf))
            if leaf.field.secrecy == "secret":
                self.secrets.append(leaf.value)
            # What our own action brought back repeats what it was given; it is no new voice.
            self.tainted |= not changes and leaf.field.writer == "anyone" and leaf.field.kind == "free_text"

    def of(self, type_: str) -> Sequence[tuple[Record, Leaf]]:
        """Every structured value of one type, in the order in which it was read."""
        return self._by_type.get(type_, ())

    def holding(self, type_: str, value: str) -> Sequence[tuple[Record, Leaf]]:
        """Every structured field of that type with this very value."""
        return self._by_value.get((type_, normal(type_, value)), ())

    def free_text(self) -> Sequence[tuple[Record, Leaf]]:
        return self._texts

    def was_approved(self, verb: str, path: str, value: str) -> bool:
        return (verb, path, value) in self._approved


def named_leaves(arguments: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each single value with its path: ``("attachments.file_id", "19")``; lists are walked through."""
    for key, value in arguments.items():
        yield from _paths(value, key)


def _paths(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            yield from _paths(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from _paths(inner, path)
    elif value is not None and value != "":
        yield path, str(value)


def _walk(value: object, path: str, fields: Mapping[str, Field]) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        keys = fields.get(f"{path}{{}}")
        for key, inner in cast("Mapping[object, object]", value).items():
            if keys is not None:  # a map whose keys are values themselves
                yield Leaf(path, str(key), keys)
            yield from _walk(inner, path if keys else f"{path}.{key}".lstrip("."), fields)
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from _walk(inner, path, fields)
    elif value is not None and value != "":
        yield Leaf(path, str(value), fields.get(path, UNDECLARED))


def normal(type_: str, value: str) -> str:
    """The form in which two values of a type are the same thing."""
    match type_:
        case "address":
            return text.address(value)
        case "url":
            return text.link(value)
        case _:
            return value
