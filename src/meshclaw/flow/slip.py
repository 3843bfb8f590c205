"""What a person is shown before they answer an ask: everything that decides, in full and as data.

The slip holds values, never a rendering: whoever draws it works out links, domains and hidden characters from
the values themselves, with their own code and their own declaration of the verb (``guard/slip``).
"""

from __future__ import annotations

from functools import cached_property

import msgspec

from meshclaw.flow.action import Value
from meshclaw.flow.declaration import Role
from meshclaw.flow.units import digest_of


class Enclosed(msgspec.Struct, frozen=True, kw_only=True):
    """What an action only points at, fetched for the person: the text of the draft that would be sent."""

    role: Role
    value: Value


class Slip(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    run: str
    agent: str
    """Name and version."""
    verb: str
    declaration: str
    """Digest of the verb's declaration: its words, effect and roles are drawn from there."""
    arguments: dict[str, Value]
    enclosed: dict[str, Enclosed] = {}
    """By a name that the connector chose."""
    asks: tuple[str, ...] = ()
    """Why it is asked, one sentence each. The ladder's word is left out: it is about the agent, not the action."""
    layers: tuple[str, ...] = ()
    """Layers of the guard that asked, beside the ladder, sorted."""
    labels: dict[str, str] = {}
    """By argument, where its value comes from."""
    salt: str = ""
    """128 random bits, in hex: the digest stands in an event and must not tell an address to whoever guesses it.
    It also makes every slip the only one of its kind, so that an answer to it fits no other."""

    @cached_property
    def digest(self) -> str:
        """What an answer is bound to, beside the digest of the action."""
        return digest_of(self)
