"""The guard: one entry, ``decide``; pure over what it is given."""

from meshclaw.guard.decide import Context, decide

__all__ = ["Context", "decide"]
