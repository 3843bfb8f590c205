"""One thing a run wants to do in the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import cast

import msgspec

from meshclaw.flow.units import digest_of

Value = str | int | float | bool | Sequence[object] | Mapping[str, object] | None
"""Anything JSON can say; numbers that are not finite never reach a connector."""


class Action(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    run: str
    verb: str
    """``connector.verb``."""
    arguments: dict[str, Value]
    undoes: str = ""
    """The external id of the action that this one takes back."""

    @property
    def connector(self) -> str:
        return self.verb.partition(".")[0]

    @cached_property
    def digest(self) -> str:
        """Binds an approval to exactly this verb and these arguments.

        Normal is only what no connector can tell apart: the order of a map's keys and JSON's white space
        (``canonical``). Texts stay as they are: two Unicode forms of a name are two files, and the local part of an
        address is its server's to read (RFC 5321 §2.4), so to fold them would let an approval of one allow the other.
        """
        return digest_of({"verb": self.verb, "arguments": self.arguments})

    @cached_property
    def external_id(self) -> str:
        """The same action of the same run always has the same id: doing it twice is doing it once."""
        return digest_of({"run": self.run, "verb": self.verb, "arguments": self.arguments})[:32]


def leaves(value: object) -> Iterator[object]:
    """Every single value within ``value``, keys of maps included: nothing hides in a nesting."""
    if isinstance(
        value, str | int | float
    ):  # nearly all: asked first, for asking whether it is a map is slow
        yield value
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[object, object]", value).items():
            yield key
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("Sequence[object]", value):
            yield from leaves(inner)
    else:
        yield value
