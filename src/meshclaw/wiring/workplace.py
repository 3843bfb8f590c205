"""What one run can reach: the connectors that its agent's rights name, behind the one door, while the block lasts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from meshclaw.connectors.base import Toolbox
from meshclaw.flow.agent import Agent
from meshclaw.flow.run import Run
from meshclaw.runs.act import Door
from meshclaw.wiring import coding, mail, mcp, memory, skills, slack
from meshclaw.wiring.claw import NOWHERE, Claw
from meshclaw.wiring.place import Place
from meshclaw.wiring.site import Site

if TYPE_CHECKING:
    from meshclaw.agents.package import Package

Places = Callable[[Site, ExitStack], dict[str, Place]]
"""Connectors by name; what they open is kept on the stack."""

ALL: tuple[Places, ...] = (mail.places, memory.places, skills.places, slack.places, mcp.places, coding.places)


class Workplace(NamedTuple):
    door: Door
    tools: Mapping[str, Toolbox]


@contextmanager
def workplace(claw: Claw, run: Run, there: Mapping[str, Place] = NOWHERE) -> Generator[Workplace]:
    """Nothing is opened before it is used. UserError where the run's agent is not here any more.

    ``there``: what somebody else opened and will close; it is used in place of one's own.
    """
    with ExitStack() as stack:
        site = Site(
            claw=claw,
            subject=run.subject,
            run=run.id,
            agent=claw.agent_of(run.agent),
            package=claw.package(run.agent),
        )
        found = {**reach(site, stack), **there}
        door = claw.door(found, account=mail.account_of(claw, run.subject))
        yield Workplace(door, {name: place.tools for name, place in found.items() if place.tools})


def reach(site: Site, stack: ExitStack) -> dict[str, Place]:
    return {
        name: place
        for places in ALL
        for name, place in places(site, stack).items()
        if _is_named(site.agent, place)
    }


def offered(claw: Claw, agent: Agent, package: Package | None) -> dict[str, Toolbox]:
    """What a model would be offered here, by connector; the agent need not be installed."""
    site = Site(claw=claw, subject="", agent=agent, package=package)
    with ExitStack() as stack:
        return {name: place.tools for name, place in reach(site, stack).items() if place.tools}


def _is_named(agent: Agent, place: Place) -> bool:
    declarations = place.connector.declarations.values()
    return any(not one.patterns.isdisjoint(agent.rights.verbs) for one in declarations)
