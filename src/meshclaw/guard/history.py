"""What a run has read, field by field, with who could have written each: the ground on which targets are judged.

Kept by type while the run goes on, so that a decision looks only at what its question is about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import cast

import msgspec

from meshclaw.flow.action import Action, leaves
from meshclaw.flow.declaration import Declaration, Field, Writer
from meshclaw.guard import text
from meshclaw.guard.links import targets_in
from meshclaw.guard.values import values_of

UNDECLARED = Field("free_text")
_STRETCH = 6
"""Words."""


class Leaf(msgspec.Struct, frozen=True, dict=True):
    path: str
    value: str
    field: Field

    @cached_property
    def plain(self) -> str:
        return text.plain(self.value)

    @cached_property
    def links(self) -> frozenset[str]:
        return frozenset(targets_in(self.value))

    @cached_property
    def addresses(self) -> frozenset[str]:
        return frozenset(text.addresses(self.value))


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One performed action and how many records it brought."""

    number: int
    verb: str
    asked: tuple[str, ...]
    """The words and names it was called with."""
    types: tuple[str, ...]
    """What kinds of things it was asked about, as in ``channel``."""
    changes: bool
    """It wrote something, so what it brought back is this run's own making."""
    records: int


class Record(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One thing that a call brought: a mail, a file, a name in a list."""

    call: Call
    thing: object
    """As it was brought."""
    fields: Mapping[str, Field]
    """As the verb declares them, by path."""
    known: frozenset[str]
    """Every key that leads to one of those."""

    @cached_property
    def declared(self) -> tuple[Leaf, ...]:
        return tuple(_declared(self.thing, "", self.fields, self.known))

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All of it. A long mail has many, and most decisions ask for none of its text."""
        declared = iter(self.declared)  # the very same ones, in the same order
        walk = _walk(self.thing, "", self.fields, self.known)
        return tuple(leaf if leaf.field is UNDECLARED else next(declared) for leaf in walk)

    def of(self, type_: str) -> Iterator[Leaf]:
        """Its structured values of one type."""
        return (
            leaf for leaf in self.declared if leaf.field.type == type_ and leaf.field.kind == "structured"
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(leaf.value for leaf in self.declared if leaf.field.type == "name")

    @cached_property
    def id(self) -> Leaf | None:
        """Its own id: the first one. Further ones are of other things."""
        return next((leaf for leaf in self.declared if is_id(leaf.field.type)), None)


class History:
    """Only ever added to. ``tainted`` once anything a stranger may have written was read."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.calls: list[Call] = []
        self.tainted = False
        self.secrets: list[str] = []
        """Values of secret fields that were read."""
        self._by_type: dict[str, list[tuple[Record, Leaf]]] = defaultdict(list)
        self._by_value: dict[tuple[str, str], list[tuple[Record, Leaf]]] = defaultdict(list)
        self._ids: dict[str, list[tuple[Record, Leaf]]] = defaultdict(list)
        self._forms: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._brought: dict[str, list[tuple[Record, Leaf]]] = defaultdict(list)
        self._called: dict[str, list[Record]] = defaultdict(list)
        self._unread: list[Record] = []
        """Those whose text nobody has asked about yet."""
        self._texts: list[tuple[Record, Leaf]] = []
        self._joined: str | None = None
        self._internal: dict[int, Record] = {}
        self._repeated: dict[int, list[Record]] = defaultdict(list)
        self._told: list[Record] = []
        self._approved: set[tuple[str, str, str]] = set()

    def add(self, action: Action, declaration: Declaration, value: object, *, approved: bool = False) -> None:
        """Take in what a performed action brought back; ``approved`` where a person had said yes to it."""
        things = [] if value is None else cast("list[object]", value) if isinstance(value, list) else [value]
        call = Call(
            number=len(self.calls), verb=action.verb, records=len(things),
            asked=tuple(str(leaf) for leaf in leaves(list(action.arguments.values())) if leaf not in (None, "")),
            types=tuple(sorted({argument.type for argument in declaration.arguments.values()} - {""})),
            changes=declaration.effect not in ("read", "draft"),
        )  # fmt: skip
        self.calls.append(call)
        if approved:
            self._approved |= {(action.verb, one.path, one.text) for one in values_of(action, declaration)}
        known = _prefixes(declaration.results)
        for thing in things:
            self._take(Record(call=call, thing=thing, fields=declaration.results, known=known))

    def _take(self, record: Record) -> None:
        self.records.append(record)
        self._unread.append(record)
        for form in {text.name(one) for one in record.names}:
            self._called[form].append(record)
        for leaf in record.declared:
            if leaf.field.secrecy == "secret":
                self.secrets.append(leaf.value)
            if leaf.field.kind != "free_text":
                self._take_value(record, leaf)
        # What our own action brought back repeats what it was given; it is no new voice.
        self.tainted = self.tainted or (
            not record.call.changes and _is_by_anyone(record.thing, "", record.fields, record.known)
        )

    def _read(self) -> None:
        """Take in the text of every record that came since."""
        unread, self._unread = self._unread, []
        for record in unread:
            for leaf in record.leaves:
                if leaf.field.kind == "free_text":
                    self._take_text(record, leaf)

    def _take_text(self, record: Record, leaf: Leaf) -> None:
        self._texts.append((record, leaf))
        self._joined = None
        if leaf.field.secrecy == "internal" and not record.call.changes:
            for stretch in stretches(leaf.plain):
                if self._internal.setdefault(stretch, record) is not record:
                    self._repeated[stretch].append(record)
        if leaf.field.writer == "member" and (not self._told or self._told[-1] is not record):
            self._told.append(record)

    def _take_value(self, record: Record, leaf: Leaf) -> None:
        type_ = leaf.field.type
        self._by_type[type_].append((record, leaf))
        self._by_value[type_, normal(type_, leaf.value)].append((record, leaf))
        if record.call.changes:
            self._brought[type_].append((record, leaf))
        if is_id(type_):
            self._ids[leaf.value].append((record, leaf))
        elif type_:
            self._forms[type_, text.name(leaf.value)].add(leaf.value)

    def of(self, type_: str) -> Sequence[tuple[Record, Leaf]]:
        """Every structured value of one type, in the order in which it was read."""
        return self._by_type.get(type_, ())

    def holding(self, type_: str, value: str) -> Sequence[tuple[Record, Leaf]]:
        """Every structured field of that type with this very value."""
        return self._by_value.get((type_, normal(type_, value)), ())

    def ids(self, value: str) -> Iterator[tuple[Record, Leaf]]:
        """Every id field, of whatever kind, with this very value."""
        return iter(self._ids.get(value, ()))

    def written_like(self, type_: str, value: str) -> frozenset[str]:
        """Every value of that type whose name is the same but for case, hyphens and the like."""
        return frozenset(self._forms.get((type_, text.name(value)), ()))

    def brought(self, type_: str) -> Sequence[tuple[Record, Leaf]]:
        """As ``of``, what this run's own actions brought."""
        return self._brought.get(type_, ())

    def called(self, forms: Iterable[str]) -> Iterator[Record]:
        """Every record that bears one of these names, in the form in which names are compared."""
        return (record for form in forms for record in self._called.get(form, ()))

    def was_approved(self, verb: str, path: str, value: str) -> bool:
        return (verb, path, value) in self._approved

    def internal(self, stretch: int) -> Sequence[Record]:
        """Records whose internal text holds these words in a row."""
        self._read()
        first = self._internal.get(stretch)
        return () if first is None else (first, *self._repeated.get(stretch, ()))

    def told(self) -> Sequence[Record]:
        """Records in which a colleague tells something."""
        self._read()
        return self._told

    def told_by(self, plain: str) -> Writer | None:
        """Who may have written the first free text, in normal form, that holds ``plain``; None where none does."""
        self._read()
        if self._joined is None:
            self._joined = "\0".join(leaf.plain.replace("\0", " ") for _, leaf in self._texts)
        place = self._joined.find(plain.replace("\0", " "))
        if place < 0:
            return None
        return self._texts[self._joined.count("\0", 0, place)][1].field.writer

    def free_text(self) -> Sequence[tuple[Record, Leaf]]:
        self._read()
        return self._texts


def stretches(plain: str) -> Iterator[int]:
    """Each run of so many words that it was taken from a text rather than alike by chance, as a number."""
    words = re.findall(r"\w+", plain)
    return (hash(tuple(words[at : at + _STRETCH])) for at in range(len(words) - _STRETCH + 1))


def is_id(type_: str) -> bool:
    return type_.endswith((".id", ".ref"))


def _prefixes(paths: Iterable[str]) -> frozenset[str]:
    """Every key that leads to a declared path."""
    parts = [path.removesuffix("{}").split(".") for path in paths]
    return frozenset(".".join(one[:length]) for one in parts for length in range(1, len(one) + 1))


def _walk(value: object, path: str, fields: Mapping[str, Field], known: frozenset[str]) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        keys = fields.get(f"{path}{{}}")
        for key, inner in cast("Mapping[object, object]", value).items():
            below = f"{path}.{key}" if path else str(key)
            if keys is not None:  # a map whose keys are values themselves
                yield Leaf(path, str(key), keys)
            elif below not in known:
                yield Leaf(path, str(key), UNDECLARED)
            yield from _walk(inner, path if keys else below, fields, known)
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from _walk(inner, path, fields, known)
    elif value is not None and value != "":
        yield Leaf(path, str(value), fields.get(path, UNDECLARED))


def _declared(value: object, path: str, fields: Mapping[str, Field], known: frozenset[str]) -> Iterator[Leaf]:
    """What ``_walk`` gives of the declared fields."""
    if isinstance(value, Mapping):
        keys = fields.get(f"{path}{{}}")
        for key, inner in cast("Mapping[object, object]", value).items():
            below = f"{path}.{key}" if path else str(key)
            if keys is not None:
                yield Leaf(path, str(key), keys)
                yield from _declared(inner, path, fields, known)
            elif below in known:
                yield from _declared(inner, below, fields, known)
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from _declared(inner, path, fields, known)
    elif value is not None and value != "" and path in fields:
        yield Leaf(path, str(value), fields[path])


def _is_by_anyone(value: object, path: str, fields: Mapping[str, Field], known: frozenset[str]) -> bool:
    """Any of it is free text that a stranger may have written; most often the first field tells."""
    return any(
        leaf.field.kind == "free_text" and leaf.field.writer == "anyone"
        for leaf in _walk(value, path, fields, known)
    )


def normal(type_: str, value: str) -> str:
    """The form in which two values of a type are the same thing."""
    match type_:
        case "address":
            return text.address(value) or value
        case "url":
            return text.link(value)
        case _:
            return value
