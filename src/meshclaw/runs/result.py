"""What became of one action that a run wanted."""

from __future__ import annotations

import msgspec

from meshclaw.errors import MeshClawError, Refused
from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision
from meshclaw.flow.receipt import Receipt
from meshclaw.runs.outbox import Stand


class Result(msgspec.Struct, frozen=True, kw_only=True):
    action: Action
    stand: Stand
    decision: Decision | None = None
    receipt: Receipt | None = None
    approval: str = ""
    """Id of the approval that now waits."""
    error: MeshClawError | None = None
    value: object = None
    """What a read brought back."""

    def brought(self) -> object:
        """``value``; raises what stood in the way of the read."""
        if self.error is not None:
            raise self.error
        if self.stand != "done":
            reason = self.decision.reason if self.decision else self.stand
            raise Refused(f"the guard did not allow {self.action.verb}: {reason}")
        return self.value
