"""Work of our own code that a schedule may begin: built in, and off until the person enables it.

A job may be cut off at any moment and is then begun again: it goes on where it was, or finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec

from meshclaw.flow.event.schedule import ScheduleMissed
from meshclaw.flow.schedule import Timing
from meshclaw.ledger.ledger import timestamp
from meshclaw.triggers.schedule import receive
from meshclaw.wiring import Claw

DAY = timedelta(days=1)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    words: str
    """What it does, for the person who enables it."""
    timing: Timing
    do: Callable[[Claw], str]
    """Returns what the person is told; empty for nothing."""
    urgent: bool = False
    """It talks to nobody, or is what the person waits for: quiet hours are no reason to wait."""


def _dream(claw: Claw) -> str:
    from meshclaw.wiring.memory import DREAM, dreaming

    with dreaming(claw) as dreamer:
        dreamer.go(claw.ledger.now(), receive(DREAM))
    return ""  # the morning says what came of it


def _morning(claw: Claw) -> str:
    from meshclaw.runs.morning import morning

    since = claw.ledger.now() - DAY
    made = morning(claw.ledger, claw.memory, since=since, declared=claw.declaration)
    missed = sum(event.count for event in claw.ledger.events(ScheduleMissed) if event.ts > timestamp(since))
    told = [
        f"{sum(one.runs for one in made.ran)} runs", f"{len(made.learned)} learned", f"{len(made.waits)} wait for you",
        f"${made.cost.micros / 1_000_000:.2f} for models",
    ]  # fmt: skip
    more = f"; {missed} due times missed (meshclaw schedule log)" if missed else ""
    return f"{', '.join(told)}{more}. See: meshclaw dream morning"


JOBS = {
    "dream": Job(
        words="Consolidate what was said and corrected since the last night.", timing=Timing(cron="30 3 * * *"),
        do=_dream, urgent=True,
    ),
    "morning": Job(
        words="Say what ran, what was learned, what waits for you, and what it cost.",
        timing=Timing(cron="0 7 * * *"), do=_morning,
    ),
}  # fmt: skip
"""By name."""
