"""One thing a run wants to do in the world, and what its connector declares about such things."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import msgspec

from meshclaw.flow.units import digest_of

Effect = Literal["read", "draft", "label", "write", "send", "deploy", "spend", "admin"]

Role = Literal["destination", "reference", "amount", "time", "text", "secret", "code"]
"""What an argument is for. Only references, amounts and times stand in events in clear;
the rest is content: the event keeps its digest, the content store its value."""

IN_CLEAR: frozenset[Role] = frozenset({"reference", "amount", "time"})

Value = str | int | bool | list[str]


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What one verb of a connector does. The guard works from this alone, never from a name."""

    verb: str
    """``connector.verb``, as in ``mail.move``."""
    effect: Effect
    reversible: bool
    arguments: dict[str, Role]
    words: str
    """What it does, in the words of a person: shown in approvals."""


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
        """Binds an approval to exactly this verb and these arguments."""
        return digest_of({"verb": self.verb, "arguments": self.arguments})

    @cached_property
    def external_id(self) -> str:
        """The same action of the same run always has the same id: doing it twice is doing it once."""
        return digest_of({"run": self.run, "verb": self.verb, "arguments": self.arguments})[:32]
