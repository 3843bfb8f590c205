"""The skills of a run's agent, their scripts in a sandbox."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import msgspec

from meshclaw.flow.action import Action
from meshclaw.guard.layers.review import pin
from meshclaw.wiring.claw import Claw
from meshclaw.wiring.place import Place
from meshclaw.wiring.site import Site

if TYPE_CHECKING:
    from meshclaw.agents.package import Package
    from meshclaw.connectors.skill.connector import SkillConnector
    from meshclaw.guard.sandbox.process import Finished

NAME = "skill"


def places(site: Site, _: ExitStack) -> dict[str, Place]:
    package = site.package
    if package is None or not package.skills:
        return {}
    from meshclaw.connectors.skill.connector import tools

    skills = connector(site.claw, package)
    return {
        NAME: Place(
            connector=skills,
            tools=tools(skills.declarations, [skill.name for skill in package.skills]),
            pin=pin(skills.declarations.values()),  # the person took the agent in, all of it
            declarations=package.declarations,
        )
    }


def connector(claw: Claw, package: Package) -> SkillConnector:
    from meshclaw.connectors.skill.connector import ENTRY, SkillConnector
    from meshclaw.runs.sandboxed import events_of
    from meshclaw.runs.scripts import execute

    scripts = {one.declaration.verb: (skill, one) for skill in package.skills for one in skill.scripts}

    def run(action: Action) -> str:
        skill, script = scripts[action.verb]

        def tell(finished: Finished) -> None:
            claw.ledger.record(
                *(
                    msgspec.structs.replace(one, run=action.run, agent=package.agent.label)
                    for one in events_of(finished, claw.contents)
                )
            )

        return execute(skill.files, script.file, action.arguments, script.seconds, tell=tell)

    texts = {skill.name: {**skill.files, ENTRY: skill.body.encode()} for skill in package.skills}
    return SkillConnector(texts, package.declarations, run)
