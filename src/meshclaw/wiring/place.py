"""One connector as a run reaches it: there from the start, opened when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack

import msgspec

from meshclaw.connectors.base import Connector, Performed, Toolbox, read_whole
from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Action
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.receipt import Receipt
from meshclaw.flow.slip import Enclosed


class Place(msgspec.Struct, frozen=True, kw_only=True):
    connector: Connector
    tools: Toolbox | None = None
    """What a model is offered of it; None where it has nothing for models."""
    pin: str = ""
    """Digest of its declarations, where the person took them in with something else (an agent, a tool's review)."""
    declarations: Sequence[Declaration] = ()
    """Those that nobody knows of outside this run."""


class Lazy:
    """A connector that is opened when it is first needed; a run that never mails makes no connection.

    ``brief``: it is let go after each use, for others need it in between (a mailbox on disk is locked while open).
    """

    def __init__(
        self, declarations: Mapping[str, Declaration], opened: Callable[[], AbstractContextManager[Connector]],
        stack: ExitStack, *, brief: bool = False,
    ) -> None:  # fmt: skip
        self.declarations = declarations
        self._opened = opened
        self._stack = stack
        self._brief = brief
        self._kept: Connector | None = None

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        with ExitStack() as using:
            yield from map(read_whole, self._open(using).perform(actions))

    def enclose(self, action: Action, /) -> Mapping[str, Enclosed]:
        with ExitStack() as using:
            return self._open(using).enclose(action)

    def probe(self, action: Action) -> Receipt | None:
        with ExitStack() as using:
            return self._open(using).probe(action)

    def _open(self, using: ExitStack) -> Connector:
        if self._brief:
            return using.enter_context(self._opened())
        if self._kept is None:
            self._kept = self._stack.enter_context(self._opened())
        return self._kept
