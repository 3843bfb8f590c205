"""Taking a run back: every receipt's undo, newest first, through the same door as everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from meshclaw.agents.builtin import UNDO
from meshclaw.errors import UserError
from meshclaw.flow.action import Action
from meshclaw.flow.run import Run
from meshclaw.runs.act import Door
from meshclaw.runs.outbox import Item
from meshclaw.runs.result import Result
from meshclaw.runs.run import Told, start, undone_ids, withdraw, working
from meshclaw.runs.seal import unseal
from meshclaw.triggers import terminal


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    """The run that did the undoing."""
    undone: int
    failed: int
    results: list[Result]
    """What could not be taken back says why."""


def plan(door: Door, told: Told, only: Callable[[Item], bool] | None = None) -> list[Item]:
    """The actions that can still be taken back, newest first."""
    gone = undone_ids(door.ledger)
    return [
        item
        for item in reversed(told.items.values())
        if item.performed is not None
        and item.performed.undo is not None
        and item.decided.external_id not in gone
        and (only is None or only(item))
    ]


def undo(door: Door, told: Told, items: Sequence[Item]) -> Undone:
    """Raises UserError while the run itself has not ended: its door is still open."""
    if told.state == "running":
        raise UserError(
            f"the run {told.run.id} stopped in the middle",
            fix=f"First: meshclaw run resume {told.run.id[-8:]}",
        )
    request = terminal.receive("undo")
    run = start(door.ledger, door.contents, request=request, agent=UNDO, subject=told.run.subject)
    withdraw(door.ledger, told.run)
    with working(door.ledger, run):
        results = door.act(run, UNDO, [_taking_back(door, run, item) for item in items], by_person=True)
    done = sum(result.stand == "done" for result in results)
    return Undone(run=run.id, undone=done, failed=len(results) - done, results=results)


def _taking_back(door: Door, run: Run, item: Item) -> Action:
    performed = item.performed
    assert performed is not None and performed.undo is not None  # noqa: S101, PT018 - plan() chose it for that
    hint = performed.undo
    arguments = unseal(door.contents, hint.arguments, hint.sealed)
    return Action(run=run.id, verb=hint.verb, arguments=arguments, undoes=item.decided.external_id)
