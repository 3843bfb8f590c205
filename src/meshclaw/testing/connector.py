"""A connector whose world is a plain list, with the faults that real worlds have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from meshclaw.connectors.base import Performed
from meshclaw.errors import MeshClawError, NotReachable, Uncertain
from meshclaw.flow.action import Action
from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.slip import Enclosed

Fault = Literal["before", "after", "blind"]
"""Fail before the effect; after it, with the answer lost; or after it, in a way no probe can see."""

NOTE, POST, LOOK, WIPE, ROLL = "fake.note", "fake.post", "fake.look", "fake.wipe", "fake.roll"


class FakeConnector:
    """``world`` holds the text of every effect that happened, in order, once per time it happened."""

    declarations: ClassVar = {
        NOTE: Declaration(
            verb=NOTE, effect="write", reversible=True, arguments={"text": Argument("reference")},
            words="Note something",
        ),
        POST: Declaration(
            verb=POST, effect="send", reversible=False, words="Post something",
            arguments={"text": Argument("text"), "to": Argument("destination", "address")},
        ),
        LOOK: Declaration(verb=LOOK, effect="read", reversible=True, arguments={}, words="Look"),
        WIPE: Declaration(
            verb=WIPE, effect="write", reversible=True, arguments={"text": Argument("reference")}, words="Wipe",
        ),
        ROLL: Declaration(
            verb=ROLL, effect="deploy", reversible=True, words="Roll out",
            arguments={"text": Argument("reference"), "to": Argument("destination", "environment")},
        ),
    }  # fmt: skip

    def __init__(self) -> None:
        self.world: list[str] = []
        self.faults: dict[str, Fault] = {}
        """By text."""
        self.enclosures: dict[str, dict[str, Enclosed]] = {}
        """What a person is shown beside the arguments, by text."""
        self.performed: list[str] = []
        """External ids, once per call: what reached the connector."""

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            self.performed.append(action.external_id)
            yield self._one(action)

    def _one(self, action: Action) -> Performed | MeshClawError:
        if action.verb == LOOK:
            return Performed(receipt=Receipt(external_id=action.external_id), value=list(self.world))
        text = str(action.arguments["text"])
        fault = self.faults.get(text)
        if fault == "before":
            return NotReachable("the fake world does not answer")
        if action.verb == WIPE:
            self.world.remove(text)
            return Performed(receipt=_receipt(action, NOTE))
        self.world.append(text)
        return Uncertain("the answer was lost") if fault else Performed(receipt=_receipt(action, WIPE))

    def enclose(self, action: Action) -> Mapping[str, Enclosed]:
        return self.enclosures.get(str(action.arguments.get("text")), {})

    def probe(self, action: Action) -> Receipt | None:
        text = str(action.arguments["text"])
        if self.faults.get(text) == "blind":
            raise Uncertain("the fake world shows nothing")
        there = text in self.world
        return _receipt(action, WIPE) if there != (action.verb == WIPE) else None


def _receipt(action: Action, back: str) -> Receipt:
    if action.verb == POST:  # what it says is content, so its receipt must not repeat it
        return Receipt(external_id=action.external_id, link="fake")
    undo = Undo(verb=back, arguments={"text": action.arguments["text"]})
    return Receipt(external_id=action.external_id, link=f"fake/{action.arguments['text']}", undo=undo)
