"""What every connector is: declarations, and the two calls that only the one door makes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Protocol, cast

import msgspec

from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.conversation import Call, Tool
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.receipt import Receipt
from meshclaw.flow.slip import Enclosed


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    receipt: Receipt
    value: object = None
    """What a read brought back."""


def read_whole(outcome: Performed | MeshClawError) -> Performed | MeshClawError:
    """With what comes piece by piece read to its end, while the connector is open."""
    if not isinstance(outcome, Performed) or not isinstance(outcome.value, Iterator):
        return outcome
    try:
        return msgspec.structs.replace(outcome, value=list(cast("Iterator[object]", outcome.value)))
    except MeshClawError as error:
        return error


def one_by_one(
    actions: Sequence[Action], do: Callable[[Action], Performed]
) -> Iterator[Performed | MeshClawError]:
    """What ``do`` makes of each action, in order; an error of one is its result and stops no other."""
    for action in actions:
        try:
            yield do(action)
        except MeshClawError as error:
            yield error


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


Shelf = dict[str, dict[str, Value]]
"""Short names that a model uses for things it was shown, with the arguments that they stand for: ``m3`` is a mail."""

Use = Generator[list[Action], list[object], str]
"""Proposes actions, gets what each of them brought back (None where it was not done) and returns what the model is
told. A model never copies an id: it would copy it wrongly, and pay for it."""


class Toolbox(Protocol):
    """A connector's verbs as a model sees them."""

    @property
    def tools(self) -> Sequence[Tool]: ...

    def use(self, call: Call, run: str, shelf: Shelf) -> Use:
        """Puts what it shows on ``shelf``. Raises UserError, worded for the model, where the call makes no sense."""
        ...
