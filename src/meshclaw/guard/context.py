"""All that a decision may depend on. Whoever asks gathers it; the guard itself looks at nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from meshclaw.flow.agent import Agent
from meshclaw.flow.approval import SEPARATE, Approval, Channel
from meshclaw.flow.autonomy import Level
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.person import Person
from meshclaw.flow.plan import Plan
from meshclaw.flow.request import Request
from meshclaw.flow.slip import Enclosed, Slip
from meshclaw.flow.stop import Stop
from meshclaw.guard.directory import Directory
from meshclaw.guard.history import History
from meshclaw.guard.limits import DEFAULT, Limits
from meshclaw.guard.origin import Origin
from meshclaw.guard.policy.policies import Policies
from meshclaw.guard.second import TWO_PERSON
from meshclaw.guard.spent import Spent
from meshclaw.guard.values import Value

NOBODY = Agent(name="", version="", purpose="", owner="", intents=frozenset(), rights=Rights())


class Context(msgspec.Struct, frozen=True, kw_only=True):
    declaration: Declaration | None
    """What the connector declares about this verb; None where it declares nothing."""
    reviewed: bool = False
    """The connector's declarations are those that were reviewed."""
    grant: Grant
    policies: Policies
    level: Level
    """Where this agent stands on the ladder for this verb."""
    approval: Approval | None = None
    """A person's answer to exactly this action of this run, if there is one."""
    slip: Slip | None = None
    """What was shown when that was asked; None where it was forgotten."""
    enclosed: Mapping[str, Enclosed] = {}
    """What the action points at, as it is now."""
    two_person: frozenset[str] = TWO_PERSON
    """Effects and verbs that take two persons."""
    approvers: Mapping[str, bytes] = {}
    """Public keys of other persons who may be the second one, by name."""
    separate: frozenset[Channel] = SEPARATE
    """Ways by which a request can come that an answer to its asks must not take."""
    now: datetime
    """In the zone of this machine: policies speak of its hours and weekdays."""
    stopped: Stop | None = None
    """The kill switch, where it is there."""
    agent: Agent = NOBODY
    person: Person = Person()
    by_person: bool = False
    """The person typed this very action themselves, in a terminal."""
    request: Request = Request(intent="", trigger="terminal", trust="person")
    """What the run was asked for, in whose words."""
    history: History = msgspec.field(default_factory=History)
    """What the run has read so far."""
    plan: Plan | None = None
    """Frozen at the first text by strangers that the run read; None before."""
    directory: Directory = Directory()
    """Whom the person knows, from their own address book and outgoing mail."""
    values: tuple[Value, ...] = ()
    """Every single value of the action's arguments; worked out by ``decide``, as are the origins."""
    origins: tuple[Origin, ...] = ()
    """Where each target comes from."""
    limits: Limits = DEFAULT
    spent: Spent = msgspec.field(default_factory=Spent)
    """By this run with its sub-agents, in the last hour and day; the guard only looks at it."""
    tainted: bool = False
    """The run read what others can write."""
