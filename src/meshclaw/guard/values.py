"""The single values of an action's arguments, each with what is declared about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

from meshclaw.flow.action import Action
from meshclaw.flow.declaration import Argument, Declaration


class Value(NamedTuple):
    path: str
    """As in ``attachments.file_id``; lists are walked through."""
    text: str
    argument: Argument | None
    """Its own declaration, or that of its nearest declared parent."""


def values_of(action: Action, declaration: Declaration) -> Iterator[Value]:
    """A key that no declaration knows is a value like any other: it too can carry something."""
    for key, value in action.arguments.items():
        for path, text in _paths(value, key, declaration.arguments):
            yield Value(path, text, declaration.argument(path))


def _paths(value: object, path: str, declared: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            if f"{path}.{key}" in declared:
                yield from _paths(inner, f"{path}.{key}", declared)
            else:
                yield path, str(key)
                yield from _paths(inner, path, declared)
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from _paths(inner, path, declared)
    elif value is not None:
        yield path, str(value)
