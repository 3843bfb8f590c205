"""Tasks for coding agents: in a folder of their own, in a box, and what they made on a branch that nobody merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from meshclaw.connectors.base import Performed, one_by_one
from meshclaw.connectors.coding.manifest import DECLARATIONS, DISCARD, RESTORE, TASK
from meshclaw.errors import MeshClawError, Refused, Uncertain
from meshclaw.flow.action import Action
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.slip import Enclosed


class Landed(msgspec.Struct, frozen=True, kw_only=True):
    """What a task left on its branch; ``branch`` is empty where it changed nothing."""

    branch: str = ""
    commits: int = 0
    files: int = 0
    added: int = 0
    removed: int = 0


class Ended(Protocol):
    """As ``peer.Told``, which is loaded where an agent is really started."""

    @property
    def ended(self) -> str: ...
    @property
    def said(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def cost_micros(self) -> int: ...
    @property
    def refused(self) -> int: ...


class Ground(Protocol):
    """Repositories and the folders that tasks work in."""

    def begin(self, task: str, repository: str) -> str:
        """A fresh folder with what is committed there. Raises MeshClawError, and then nothing was made."""
        ...

    def land(self, task: str, repository: str, run: str, agent: str) -> Landed:
        """What was made in it, as commits of a new branch. Raises where it may not land; then nothing landed."""
        ...

    def clear(self, task: str) -> None: ...
    def has_begun(self, task: str) -> bool: ...
    def branch_of(self, task: str, repository: str) -> str:
        """Empty where none is there."""
        ...

    def discard(self, repository: str, branch: str) -> None: ...
    def restore(self, repository: str, branch: str) -> None: ...
    def is_there(self, repository: str, branch: str) -> bool: ...


Start = Callable[[str, str, str, str], Ended]
"""Agent, task, folder, run: start it and wait for its end."""

LANDS = frozenset(("end_turn", "max_tokens", "max_turn_requests", "time", "money"))
"""How a task may end whose work is kept."""


class CodingConnector:
    declarations = DECLARATIONS

    def __init__(self, ground: Ground, start: Start) -> None:
        self._ground = ground
        self._start = start

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        return one_by_one(actions, self._perform)

    def enclose(self, action: Action, /) -> Mapping[str, Enclosed]:  # noqa: ARG002
        """Nothing: the task and the repository say all there is."""
        return {}

    def probe(self, action: Action) -> Receipt | None:
        repository = str(action.arguments["repository"])
        if action.verb != TASK:
            there = self._ground.is_there(repository, str(action.arguments["branch"]))
            return _receipt(action) if there == (action.verb == RESTORE) else None
        if branch := self._ground.branch_of(action.external_id, repository):
            return _receipt(action, branch)
        if self._ground.has_begun(action.external_id):
            raise Uncertain(
                "a coding agent was cut off in the middle; nothing of it is on a branch",
                fix=f"Its folder is still there; throw it away: meshclaw coding clear {action.external_id[:8]}",
            )
        return None

    def _perform(self, action: Action) -> Performed:
        if action.verb == TASK:
            return self._task(action)
        repository, branch = str(action.arguments["repository"]), str(action.arguments["branch"])
        (self._ground.discard if action.verb == DISCARD else self._ground.restore)(repository, branch)
        return Performed(receipt=_receipt(action, branch))

    def _task(self, action: Action) -> Performed:
        agent, repository, words = (str(action.arguments[one]) for one in ("agent", "repository", "task"))
        task = action.external_id
        folder = self._ground.begin(task, repository)
        try:
            told = self._start(agent, words, folder, action.run)
            if told.ended not in LANDS:
                raise Refused(f"the coding agent ended with {told.ended!r}, and nothing of it was kept")
            landed = self._ground.land(task, repository, action.run, agent)
        finally:
            self._ground.clear(task)
        value = {
            **msgspec.structs.asdict(landed), "ended": told.ended, "tokens": told.tokens,
            "cost_micros": told.cost_micros, "refused": told.refused, "said": told.said,
        }  # fmt: skip
        return Performed(receipt=_receipt(action, landed.branch), value=value)


def _receipt(action: Action, branch: str = "") -> Receipt:
    """Each of the three is taken back by another one."""
    back = {TASK: DISCARD, DISCARD: RESTORE, RESTORE: DISCARD}[action.verb]
    undo = Undo(verb=back, arguments={"repository": action.arguments["repository"], "branch": branch})
    return Receipt(external_id=action.external_id, link=branch, undo=undo if branch else None)
