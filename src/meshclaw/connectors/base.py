"""What every connector is: declarations, and the two calls that only the one door makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Action
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.receipt import Receipt
from meshclaw.flow.slip import Enclosed


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    receipt: Receipt
    value: object = None
    """What a read brought back."""


class Connector(Protocol):
    @property
    def declarations(self) -> Mapping[str, Declaration]:
        """By verb."""
        ...

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        """One result per action, in order, each as soon as it is certain.

        An error says that this action did not happen; ``Uncertain`` that it may have.
        """
        ...

    def enclose(self, action: Action, /) -> Mapping[str, Enclosed]:
        """What ``action`` only points at, read for the person who is asked about it; changes nothing.

        Where it cannot be read, an error: the person is told that it was not shown. Secrets never.
        """
        ...

    def probe(self, action: Action) -> Receipt | None:
        """Look for evidence after a crash: the receipt where it happened, None where it certainly did not.

        Raises ``Uncertain`` where the world shows neither.
        """
        ...
