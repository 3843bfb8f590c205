"""The guard: one entry, ``decide``; pure over what it is given."""

from meshclaw.guard.context import Context
from meshclaw.guard.decide import decide

__all__ = ["Context", "decide"]
