"""For whom connectors are looked for: a run, its agent, and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from meshclaw.flow.agent import Agent
from meshclaw.wiring.claw import Claw

if TYPE_CHECKING:
    from meshclaw.agents.package import Package


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a connector is looked for."""

    claw: Claw
    subject: str
    """What the run is about: a mailbox, a thread, or nothing."""
    run: str = ""
    """Its id; empty where none was begun."""
    agent: Agent
    package: Package | None
    """Of an agent that was installed."""
