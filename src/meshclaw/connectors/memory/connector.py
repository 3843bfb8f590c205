"""The memory as agents reach it. Where it lies and how it changes is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from meshclaw.connectors.base import Performed, one_by_one
from meshclaw.connectors.memory.manifest import DECLARATIONS, DROP, RECALL, REMEMBER
from meshclaw.connectors.plain import PlainTools
from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.memory import Recalled
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.slip import Enclosed


class Keeper(Protocol):
    """What keeps the memory. A ``key`` given twice changes it once."""

    def recall(self, query: str) -> Sequence[Recalled]: ...

    def remember(self, text: str, *, key: str, run: str) -> int:
        """Number of the revision; 0 where it is known already. Raises Refused for what must not be remembered."""
        ...

    def drop(self, revision: int, *, key: str, run: str) -> int:
        """Take it back; number of the revision that does so."""
        ...

    def kept(self, key: str) -> int | None:
        """Number of the revision with that key, if there is one."""
        ...


class MemoryConnector:
    def __init__(self, keeper: Keeper) -> None:
        self.declarations = DECLARATIONS
        self._keeper = keeper

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        return one_by_one(actions, self._perform)

    def _perform(self, action: Action) -> Performed:
        key, run, given = action.external_id, action.run, action.arguments
        if action.verb == RECALL:
            found = [_shown(one) for one in self._keeper.recall(str(given["query"]))]
            return Performed(receipt=Receipt(external_id=key), value=found)
        if action.verb == REMEMBER:
            revision = self._keeper.remember(str(given["text"]), key=key, run=run)
        else:
            revision = self._keeper.drop(int(str(given["revision"])), key=key, run=run)
        return Performed(receipt=_receipt(key, revision))

    def enclose(self, action: Action, /) -> Mapping[str, Enclosed]:  # noqa: ARG002
        """Nothing: its actions say all there is to see."""
        return {}

    def probe(self, action: Action) -> Receipt | None:
        revision = self._keeper.kept(action.external_id)
        return None if revision is None else _receipt(action.external_id, revision)


def _receipt(key: str, revision: int) -> Receipt:
    undo = Undo(verb=DROP, arguments={"revision": revision}) if revision else None
    return Receipt(external_id=key, link=f"memory/{revision}" if revision else "memory", undo=undo)


def _shown(one: Recalled) -> dict[str, Value]:
    """By whose word it is; the guard treats the two differently."""
    told = "said" if one.fact.trust == "person" else "seen"
    learned = datetime.fromtimestamp(one.fact.learned / 1000, UTC).isoformat()
    return {"id": one.fact.id, "learned": learned, told: one.fact.text}


def tools() -> PlainTools:
    """As a model sees them; taking back is the person's."""
    text: dict[str, Value] = {"type": "string"}

    def schema(name: str, words: str) -> dict[str, Value]:
        return {
            "type": "object", "required": [name], "additionalProperties": False,
            "properties": {name: {**text, "description": words}},
        }  # fmt: skip

    words = {
        RECALL: "Look up what is remembered of the person",
        REMEMBER: "Keep a sentence that they said to remember",
    }
    offered = {verb: msgspec.structs.replace(DECLARATIONS[verb], words=told) for verb, told in words.items()}
    return PlainTools(
        offered,
        {
            RECALL: schema("query", "words that the memory would hold"),
            REMEMBER: schema("text", "one sentence, word for word as the person just wrote it"),
        },
    )
