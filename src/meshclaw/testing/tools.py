"""A connector made of plain functions behind real declarations, as an MCP server is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from meshclaw.connectors.base import Performed
from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.receipt import Receipt
from meshclaw.flow.slip import Enclosed


class FakeTools:
    """``did`` holds every call that reached a function, in order."""

    def __init__(
        self, declarations: Mapping[str, Declaration], functions: Mapping[str, Callable[..., object]]
    ) -> None:
        self.declarations = declarations
        self._functions = functions
        self.did: list[tuple[str, dict[str, Value]]] = []

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            self.did.append((action.verb, dict(action.arguments)))
            value = self._functions[action.verb](**action.arguments)
            yield Performed(receipt=Receipt(external_id=action.external_id), value=value)

    def enclose(self, _: Action) -> Mapping[str, Enclosed]:
        """Nothing: its actions say all there is to see."""
        return {}

    def probe(self, action: Action) -> Receipt | None:
        done = (action.verb, dict(action.arguments)) in self.did
        return Receipt(external_id=action.external_id) if done else None
