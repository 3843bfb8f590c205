"""What a connector says about its verbs. The guard works from this alone, never from a name or a description."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, get_args

import msgspec

from meshclaw.flow.units import digest_of

Effect = Literal["read", "draft", "label", "write", "send", "deploy", "spend", "admin"]

Role = Literal["destination", "reference", "amount", "time", "text", "secret", "code"]
"""What an argument is for. Only references, amounts and times stand in events in clear;
the rest is content: the event keeps its digest, the content store its value."""

IN_CLEAR: frozenset[Role] = frozenset({"reference", "amount", "time"})
TARGETS: frozenset[Role] = frozenset({"destination", "reference", "amount"})
"""Roles whose values decide whom or what an action reaches: the person must have denoted them."""

Writer = Literal["system", "member", "anyone"]
"""Who can choose what stands in a field: the outside system itself, a colleague, or any stranger."""


Secrecy = Literal["open", "internal", "secret"]
SECRECY: tuple[Secrecy, ...] = get_args(Secrecy)
"""In this order."""


class Argument(msgspec.Struct, frozen=True):
    role: Role
    type: str = ""
    """What kind of thing it names, as in ``address`` or ``file.id``; compared with the types of result fields.
    Of an amount of money its unit: ``usd``, ``usd.cents`` or ``usd.micros``."""
    required: bool = True
    replaces: str = ""
    """The argument, or what the connector encloses, that holds what stands there now: the person sees a diff."""
    item: bool = False
    """It only says which one of the person's own things it is: in this alone may actions differ that are alike."""


class Field(msgspec.Struct, frozen=True):
    """One field of what a verb brings back. A field that nobody declared is free text by anyone."""

    kind: Literal["structured", "free_text"]
    type: str = ""
    writer: Writer = "anyone"
    secrecy: Secrecy = "open"
    """``internal`` stays among those who may read it already; ``secret`` needs a licence of its own."""
    words: tuple[str, ...] = ()
    """How a person speaks of it: ``participants``, ``sender``."""


class Declaration(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What one verb of a connector does."""

    verb: str
    """``connector.verb``, as in ``mail.move``."""
    effect: Effect
    reversible: bool
    arguments: dict[str, Argument]
    """By name; a value within a nested argument may be declared by its path, as in ``attachments.file_id``."""
    words: str
    """What it does, in the words of a person: shown in approvals."""
    deed: str = ""
    """What a person must have asked for, one of ``guard.request.lexicon.DEEDS``, as in ``send`` or ``delete``."""
    objects: tuple[str, ...] = ()
    """What a person calls the things it works on: ``file``, ``document``."""
    results: dict[str, Field] = {}
    """By path: ``sender``, ``address.city``; the empty path is a bare value. Lists are walked through."""
    definition: str = ""
    """SHA-256 of what the tool says of itself (an MCP tool's name, description and schema), empty where it says
    nothing. It is pinned with the rest: a tool that talks differently is another tool."""

    @property
    def connector(self) -> str:
        return self.verb.partition(".")[0]

    def role(self, argument: str) -> Role | None:
        declared = self.arguments.get(argument)
        return declared.role if declared else None

    def argument(self, path: str) -> Argument | None:
        """The declared argument at ``path``; within a nested value, that of its nearest declared parent."""
        while path not in self.arguments and "." in path:
            path = path.rpartition(".")[0]
        return self.arguments.get(path)

    @cached_property
    def takes(self) -> frozenset[str]:
        """Names of the arguments; paths within nested ones left out."""
        return frozenset(name.partition(".")[0] for name in self.arguments)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Those that must be there."""
        return tuple(name for name, one in self.arguments.items() if one.required and "." not in name)

    @cached_property
    def destinations(self) -> dict[str, Argument]:
        return self.having("destination")

    def having(self, role: Role) -> dict[str, Argument]:
        """The arguments with ``role``, by name."""
        return self._by_role.get(role, {})

    @cached_property
    def _by_role(self) -> dict[Role, dict[str, Argument]]:
        found: dict[Role, dict[str, Argument]] = {}
        for name, argument in self.arguments.items():
            found.setdefault(argument.role, {})[name] = argument
        return found

    def typed(self, type_: str) -> tuple[str, ...]:
        """Names of the arguments of that type, whatever their role."""
        return self._by_type.get(type_, ())

    @cached_property
    def _by_type(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, argument in self.arguments.items():
            found[argument.type] = (*found.get(argument.type, ()), name)
        return found

    @cached_property
    def secrecy(self) -> Secrecy:
        """The most secret of what comes back."""
        return SECRECY[max((SECRECY.index(field.secrecy) for field in self.results.values()), default=0)]

    @property
    def groups(self) -> tuple[str, ...]:
        """Its connector, and ``mcp`` where a server tells of it: what a policy calls it besides its name."""
        return (self.connector, "mcp") if self.definition else (self.connector,)

    @cached_property
    def patterns(self) -> frozenset[str]:
        """As rights name it: ``mail.move`` and ``mail.*``; a tool of any MCP server also ``mcp.*``."""
        return frozenset((self.verb, *(f"{group}.*" for group in self.groups)))

    @cached_property
    def files(self) -> frozenset[str]:
        """Names of the arguments that name files."""
        named = self.arguments.items()
        return frozenset(
            name for name, argument in named if argument.type.partition(".")[0] in ("file", "path")
        )

    @cached_property
    def digest(self) -> str:
        """Pins the whole declaration: any change of it needs a new review."""
        return digest_of(self)
