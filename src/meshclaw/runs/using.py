"""One call of a tool: what its toolbox proposes goes through the door, and what became of it is put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meshclaw.connectors.base import Shelf, Toolbox
from meshclaw.flow.action import Action
from meshclaw.flow.conversation import Call
from meshclaw.runs.result import Result

MOST_OF_ONE = 24_000
"""Characters of one result that a model is shown."""


def drive(
    toolbox: Toolbox, call: Call, run: str, shelf: Shelf, act: Callable[[Sequence[Action]], list[Result]]
) -> str:
    """What the toolbox says of it. Raises UserError, worded for a model, where the call makes no sense."""
    use = toolbox.use(call, run, shelf)
    try:
        wanted: list[Action] = next(use)
        while True:
            wanted = use.send([_value(result) for result in act(wanted)])
    except StopIteration as end:
        return str(end.value or "")


def told(text: str, results: Sequence[Result]) -> str:
    """``text``, and behind it what was not done and why; never more than a model is shown."""
    lines = [text, *(_told(result) for result in results if result.stand != "done")]
    whole = "\n".join(filter(None, lines))
    if len(whole) <= MOST_OF_ONE:
        return whole
    return f"{whole[:MOST_OF_ONE]}\n… ({len(whole) - MOST_OF_ONE:,} characters more)"


def _value(result: Result) -> object:
    """What a toolbox gets: a receipt's link for a deed, what was brought for a read, None for what was not done."""
    if result.stand != "done":
        return None
    return result.value if result.value is not None else (result.receipt.link if result.receipt else "")


def _told(result: Result) -> str:
    verb = result.action.verb
    match result.stand:
        case "asked":
            return f"{verb}: waits for the person's yes. Do not repeat it."
        case "denied":
            return f"{verb}: denied by the guard: {result.decision.reason if result.decision else 'no reason given'}."
        case "unknown":
            return f"{verb}: nobody knows whether it happened. Do not repeat it; tell the person."
        case _:
            return f"{verb}: failed: {result.error.message if result.error else result.stand}."
