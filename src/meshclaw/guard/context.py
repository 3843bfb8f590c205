"""All that a decision may depend on. Whoever asks gathers it; the guard itself looks at nothing else."""

from __future__ import annotations

from datetime import datetime

import msgspec

from meshclaw.flow.approval import Approval
from meshclaw.flow.autonomy import Level
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.grant import Grant


class Context(msgspec.Struct, frozen=True, kw_only=True):
    declaration: Declaration | None
    """What the connector declares about this verb; None where it declares nothing."""
    grant: Grant
    level: Level
    """Where this agent stands on the ladder for this verb."""
    approval: Approval | None = None
    """A person's answer to exactly this action of this run, if there is one."""
    now: datetime
    by_person: bool = False
    """The person typed this very action themselves, in a terminal."""
