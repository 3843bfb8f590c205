"""Work of our own code that a schedule may begin: built in, and off until the person enables it.

A job may be cut off at any moment and is then begun again: it goes on where it was, or finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from meshclaw.flow.schedule import Timing
from meshclaw.wiring import Claw


class Job(msgspec.Struct, frozen=True, kw_only=True):
    words: str
    """What it does, for the person who enables it."""
    timing: Timing
    do: Callable[[Claw], str]
    """Returns what the person is told; empty for nothing."""
    urgent: bool = False
    """It talks to nobody, so quiet hours are no reason to wait."""


JOBS: dict[str, Job] = {}
"""By name."""
