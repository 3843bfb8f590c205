"""Going on after a crash: settle what was reserved, then do what was still to be done."""

from __future__ import annotations

from meshclaw.flow.agent import Agent
from meshclaw.flow.event.run import RunResumed
from meshclaw.runs.act import Door
from meshclaw.runs.outbox import Outbox
from meshclaw.runs.result import Result
from meshclaw.runs.run import Told, approvals_of, unused


def agent_of(door: Door, told: Told) -> Agent:
    """The one it began with. UserError where that is not here any more."""
    return door.parts.agents(told.run.agent)


def settle(door: Door, told: Told) -> list[Result]:
    """Probe every reserved action, then do again what certainly did not happen and what a person allowed meanwhile.

    The results are those of the actions that were done again; what is in doubt stays ``unknown``.
    """
    agent, run = agent_of(door, told), told.run
    settled = door.settle(run, agent)
    door.ledger.record(RunResumed(run=run.id, intent=run.request.intent, agent=run.agent, settled=settled))
    items = Outbox(door.ledger, run.id).items
    again = [item.decided for item in items.values() if item.worth_retrying]
    again += [
        items[approval.external_id].decided for approval in unused(approvals_of(door.ledger, run), items)
    ]
    return door.act(run, agent, [door.restore(decided) for decided in again])
