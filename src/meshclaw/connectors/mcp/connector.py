"""One MCP server as a connector: what its manifest declares, done by the tools that a person saw and nobody else's.

The protocol knows no idempotency. So a deed whose answer was lost is in doubt for good: it is told, never repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, cast

import msgspec

from meshclaw.connectors.base import Performed, one_by_one
from meshclaw.connectors.mcp.definition import Tool, Undoing
from meshclaw.errors import Cut, Garbled, MeshClawError, NotFound, Operational, Refused, Uncertain
from meshclaw.flow.action import Action, Value
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.slip import Enclosed

MOST_BROUGHT = 200_000
"""Characters of what one call brings back."""


class Answered(Protocol):
    """As ``session.Answer``, which is loaded where a server is really asked."""

    @property
    def texts(self) -> Sequence[str]: ...
    @property
    def structured(self) -> object: ...
    @property
    def left_out(self) -> Sequence[str]: ...
    @property
    def failed(self) -> bool: ...


class Talking(Protocol):
    """As ``session.Session``."""

    stale: bool

    @property
    def alive(self) -> bool: ...
    def tools(self) -> list[Tool]: ...
    def call(self, tool: str, arguments: dict[str, Value]) -> Answered: ...
    def close(self) -> None: ...


class Changed(Refused):
    """A tool is not what was reviewed. Time does not mend it."""

    code = "tool_changed"


class ToolFailed(Operational):
    """The tool itself says so. Whether half of it was done, nobody knows, so it is not tried again unasked."""

    code = "tool_failed"


class McpConnector:
    """``undoing``: by verb, how it is taken back. ``talk`` starts the server, at the first call."""

    def __init__(
        self, name: str, declarations: Mapping[str, Declaration], undoing: Mapping[str, Undoing],
        talk: Callable[[], Talking],
    ) -> None:  # fmt: skip
        self.declarations = declarations
        self._name = name
        self._undoing = undoing
        self._talk = talk
        self._session: Talking | None = None
        self._tools: dict[str, Tool] = {}

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        return one_by_one(actions, self._perform)

    def enclose(self, action: Action, /) -> Mapping[str, Enclosed]:  # noqa: ARG002
        """Nothing: what a tool would show is a stranger's to choose."""
        return {}

    def probe(self, action: Action) -> Receipt | None:
        """A read may be done again; of a deed there is no evidence to look for."""
        declared = self.declarations.get(action.verb)
        if declared is not None and declared.effect == "read":
            return None
        raise Uncertain(
            f"{action.verb} was begun, and its server keeps no record of it",
            fix="Look in the other system whether it happened.",
        )

    def close(self) -> None:
        """The server is stopped; the next call starts it anew."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    # -- one call ------------------------------------------------------------------------

    def _perform(self, action: Action) -> Performed:
        declared = self.declarations[action.verb]
        session = self._ready()
        tool = self._checked(action.verb.partition(".")[2], declared)
        try:
            answer = session.call(tool, action.arguments)
        except (Cut, Garbled) as error:
            if declared.effect == "read":
                raise
            raise Uncertain(f"{action.verb} was begun, and then {error.message}") from error
        if answer.failed:
            return _failed(action, declared, answer)
        value = _value(answer, declared)
        return Performed(
            receipt=Receipt(external_id=action.external_id, undo=self._undo(action, value)), value=value
        )

    def _ready(self) -> Talking:
        """The server, running, with its tools as it tells them now."""
        if self._session is not None and not self._session.alive:
            self.close()
        if self._session is None:
            self._session = self._talk()
            self._session.stale = True
        if self._session.stale:
            self._tools = {tool.name: tool for tool in self._session.tools()}
        return self._session

    def _checked(self, name: str, declared: Declaration) -> str:
        tool = self._tools.get(name)
        look = f"meshclaw mcp review {self._name}"
        if tool is None:
            raise NotFound(f"the server {self._name!r} offers no {name!r} any more", fix=f"Look: {look}")
        if tool.digest(self._undoing.get(declared.verb)) != declared.definition:
            raise Changed(
                f"what the server {self._name!r} says of {name!r} is not what was reviewed",
                fix=f"Look: {look}",
            )
        return name

    def _undo(self, action: Action, value: object) -> Undo | None:
        """None where what it takes did not come back."""
        undoing = self._undoing.get(action.verb)
        if undoing is None:
            return None
        arguments: dict[str, Value] = {}
        for name, source in undoing.arguments.items():
            where, _, path = source.partition(".")
            found = _at(value if where == "result" else action.arguments, path)
            if not isinstance(found, str | int | float) or found == "":
                return None
            arguments[name] = found
        return Undo(verb=f"{self._name}.{undoing.verb}", arguments=arguments)


def _failed(action: Action, declared: Declaration, answer: Answered) -> Performed:
    """A read that failed tells why, as a stranger's text; of a deed only that it failed."""
    if declared.effect == "read":
        return Performed(
            receipt=Receipt(external_id=action.external_id),
            value=_bounded("\n".join(("The tool says that it failed:", *answer.texts))),
        )
    raise ToolFailed(
        f"the tool behind {action.verb} says that it failed; why is a stranger's text, and left out"
    )


def _value(answer: Answered, declared: Declaration) -> object:
    """What is structured as it is, bounded; else the texts, read as JSON where fields of it are declared."""
    if declared.effect == "read" and answer.left_out and not (answer.texts or answer.structured):
        raise Refused(f"it brought back only what is no text: {', '.join(answer.left_out)}")
    left_out = [f"[left out, for it is no text: {kind}]" for kind in answer.left_out]
    if answer.structured is not None:
        value = answer.structured
    else:
        text = "\n".join(answer.texts)
        value = _read(text) if any(declared.results) else text
        if isinstance(value, str):
            value = "\n".join(filter(None, (value, *left_out)))
    if isinstance(value, str):
        return _bounded(value)
    size = len(json.dumps(value, ensure_ascii=False))
    if size <= MOST_BROUGHT:
        return value
    if declared.effect == "read":
        raise Refused(
            f"it brought back {size:,} characters, more than the {MOST_BROUGHT:,} that are read at once"
        )
    return f"[left out: {size:,} characters]"


def _read(text: str) -> object:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return cast("object", value) if isinstance(value, dict | list) else text


def _bounded(text: str) -> str:
    if len(text) <= MOST_BROUGHT:
        return text
    return f"{text[:MOST_BROUGHT]}\n… ({len(text) - MOST_BROUGHT:,} characters more)"


def _at(value: object, path: str) -> object:
    for step in filter(None, path.split(".")):
        value = cast("dict[str, object]", value).get(step) if isinstance(value, dict) else None
    return value
