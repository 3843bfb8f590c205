"""Agents: who they are, and in plain words what each may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from meshclaw.agents.builtin import AGENTS
from meshclaw.agents.package import Package
from meshclaw.cli.agent_shown import WOULD, limits_in_words, not_here, rights
from meshclaw.errors import MeshClawError
from meshclaw.flow.agent import Agent
from meshclaw.home.page import Page, Shown, Visit
from meshclaw.runs.asked import Asked
from meshclaw.wiring import Claw


class Line(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str
    owner: str
    purpose: str
    wrong: str
    """Why it does nothing; empty where it works."""


class All(msgspec.Struct, frozen=True, kw_only=True):
    shipped: Sequence[Line]
    installed: Sequence[Line]


class One(msgspec.Struct, frozen=True, kw_only=True):
    line: Line
    rights: Mapping[str, Sequence[Asked]]
    """By what would come of it, in words."""
    not_here: Sequence[str]
    facts: Sequence[tuple[str, str]]
    instructions: str


def every(visit: Visit) -> Shown:
    shipped = [_line(one) for one in AGENTS.values()]
    installed = [_installed(visit.claw, one.name) for one in visit.claw.installed.current()]
    return Shown(title="Agents", template="agents.html", context=All(shipped=shipped, installed=installed))


def _line(agent: Agent) -> Line:
    return Line(name=agent.name, version=agent.version, owner=agent.owner, purpose=agent.purpose, wrong="")


def _installed(claw: Claw, name: str) -> Line:
    try:
        return _line(claw.agent(name))
    except MeshClawError as error:  # changed on disk: the others are still shown
        return Line(name=name, version="", owner="", purpose="", wrong=f"{error.message}. {error.fix}")


def one(visit: Visit) -> Shown:
    claw, name = visit.claw, visit.path["name"]
    package = None if name in AGENTS else claw.installed.get(name)
    agent = package.agent if package else AGENTS[name]
    found: dict[str, list[Asked]] = {}
    for stand, words in WOULD.items():
        if several := [right for right in rights(claw, agent, package) if right.stands == stand]:
            found[f"{words[:1].upper()}{words[1:]}"] = several
    known = [*claw.declarations(), *(package.declarations if package else ())]
    context = One(
        line=_line(agent), rights=found, not_here=not_here(agent, known), facts=_facts(agent, package),
        instructions=package.instructions if package else "",
    )  # fmt: skip
    return Shown(title=agent.name, template="agent.html", context=context)


def _facts(agent: Agent, package: Package | None) -> list[tuple[str, str]]:
    facts = [("Made for", ", ".join(sorted(agent.intents)))]
    if package is None:
        return facts
    one = package.definition
    facts += [
        ("Limits of its own", limits_in_words(one.budget) or "none; everybody's hold"),
        ("Model", one.model or "the usual one"),
        *((f"Skill {skill.name}", " ".join(skill.front.description.split())) for skill in package.skills),
        *((f"Script {one.verb}", f"{one.words}; boxed in, without network") for one in package.declarations),
        *(("Schedule", f"{entry.cron or entry.every or entry.at}: {entry.words}") for entry in one.schedule),
    ]
    return facts


PAGE = Page(name="Agents", path="/agents", shows={"/agents": every, "/agents/{name}": one})
