"""Keeping content out of events: what is not a reference, an amount or a time goes to the content store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import NamedTuple

import msgspec

from meshclaw.flow.action import Action, Value
from meshclaw.flow.declaration import IN_CLEAR, Declaration
from meshclaw.flow.event.action import ActionDecided
from meshclaw.ledger.content import ContentStore


class Sealed(NamedTuple):
    clear: dict[str, Value]
    sealed: dict[str, str]
    """Digest by name of the argument."""


def seal(
    contents: ContentStore, calls: Sequence[tuple[Declaration | None, Mapping[str, Value]]]
) -> list[Sealed]:
    """Split the arguments of each call by their declared roles; one durable write for all of them.

    An undeclared call is content from end to end.
    """
    hidden = [
        {name: value for name, value in arguments.items() if _is_content(declaration, name)}
        for declaration, arguments in calls
    ]
    # Salted: the digest of a bare address would tell the address to whoever has a list of them.
    digests = iter(contents.put((token_hex(16), value) for values in hidden for value in values.values()))
    return [
        Sealed(
            {name: value for name, value in arguments.items() if name not in values},
            {name: next(digests) for name in values},
        )
        for (_, arguments), values in zip(calls, hidden, strict=True)
    ]


def unseal(contents: ContentStore, clear: Mapping[str, Value], sealed: Mapping[str, str]) -> dict[str, Value]:
    """The whole arguments again; NotFound where the content was forgotten, Damaged where it was changed."""
    values: dict[str, Value] = {
        name: msgspec.json.decode(contents.get(digest), type=tuple[str, Value])[1]
        for name, digest in sealed.items()
    }
    return {**clear, **values}


def restore(contents: ContentStore, decided: ActionDecided) -> Action:
    """The action behind its event, sealed arguments and all."""
    arguments = unseal(contents, decided.arguments, decided.sealed)
    return Action(run=decided.run, verb=decided.verb, arguments=arguments, undoes=decided.undoes)


def _is_content(declaration: Declaration | None, name: str) -> bool:
    return declaration is None or declaration.role(name) not in IN_CLEAR
