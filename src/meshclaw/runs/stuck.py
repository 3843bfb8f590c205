"""Whether a run with a model still gets on. Told from what it did, never from what it says."""

from __future__ import annotations

from collections.abc import Sequence

from meshclaw.flow.conversation import Got
from meshclaw.flow.event.model import Stuck
from meshclaw.runs.talk import Step

MOST_STEPS = 200
SAME = 3
"""Times in a row that one step may be taken with the same result."""
ROUNDS = 3
"""Times that the same few steps may follow one another with the same results."""
LONGEST_ROUND = 4
IN_VAIN = 5
"""Steps in a row of which nothing succeeds."""


def stuck(steps: Sequence[Step], most: int = MOST_STEPS) -> Stuck | None:
    marks = [step.mark for step in steps[-LONGEST_ROUND * ROUNDS :]]
    if _turns(marks, 1, SAME):
        return "same"
    if any(_turns(marks, length, ROUNDS) for length in range(2, LONGEST_ROUND + 1)):
        return "circle"
    if len(steps) >= IN_VAIN and all(_in_vain(step.got) for step in steps[-IN_VAIN:]):
        return "no-progress"
    return "steps" if len(steps) >= most else None


def _turns(marks: Sequence[str], length: int, times: int) -> bool:
    """The last ``length`` steps were taken ``times`` times in a row."""
    last = marks[-length * times :]
    return len(last) == length * times and all(mark == last[at % length] for at, mark in enumerate(last))


def _in_vain(got: tuple[Got, ...]) -> bool:
    return bool(got) and all(one.failed for one in got)
