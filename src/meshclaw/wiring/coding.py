"""Coding agents that a person set up, each started for one task in a box."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec

from meshclaw.connectors.coding.manifest import DECLARATIONS
from meshclaw.settings.coding import Coder, Coders
from meshclaw.settings.secrets import from_keyring
from meshclaw.wiring.place import Lazy, Place
from meshclaw.wiring.site import Site

if TYPE_CHECKING:  # these load what a run without a coding agent does without
    from meshclaw.connectors.coding.connector import CodingConnector
    from meshclaw.connectors.coding.peer import Told
    from meshclaw.connectors.program import Program
    from meshclaw.guard.sandbox.process import Finished
    from meshclaw.runs.branches import Grounds
    from meshclaw.wiring.claw import Claw

NAME = "coding"
INTENT = "code.change"
DOLLAR = 1_000_000


def places(site: Site, stack: ExitStack) -> dict[str, Place]:
    if not Coders(site.claw.folder).names():
        return {}
    from meshclaw.connectors.plain import PlainTools

    @contextmanager
    def opened() -> Generator[CodingConnector]:
        yield connector(site.claw, site.agent.label)

    return {NAME: Place(connector=Lazy(DECLARATIONS, opened, stack), tools=PlainTools(DECLARATIONS))}


def grounds(claw: Claw) -> Grounds:
    from meshclaw.runs.branches import Grounds

    return Grounds(claw.folder, INTENT)


def connector(claw: Claw, label: str) -> CodingConnector:
    from meshclaw.connectors.coding.connector import CodingConnector

    coders = Coders(claw.folder)

    def start(agent: str, words: str, folder: str, run: str) -> Told:
        from meshclaw.connectors.coding.peer import Task, work
        from meshclaw.runs.sandboxed import events_of

        coder = coders.get(agent)
        most = min(round(coder.dollars * DOLLAR), claw.limits.run.inference)
        told: list[Finished] = []
        try:
            task = Task(words=words, folder=folder, seconds=coder.minutes * 60, most_micros=most)
            return work(program(coder, folder, told), task)
        finally:
            for finished in told:
                facts = events_of(finished, claw.contents)
                claw.ledger.record(*(msgspec.structs.replace(one, run=run, agent=label) for one in facts))

    return CodingConnector(grounds(claw), start)


def program(coder: Coder, folder: str, told: list[Finished]) -> Program:
    """In a box around ``folder``, with the vendor of its model as the only way out."""
    from meshclaw.runs.boxing import CODING, Box, boxed, secret

    secrets = tuple(
        secret(
            variable, from_keyring(coder.keyring_of(variable), fix=f"meshclaw coding add {coder.name}"), place
        )
        for variable, place in coder.secrets.items()
    )
    limits = msgspec.structs.replace(CODING, wall_s=coder.minutes * 60 + 120)
    hosts = tuple(dict.fromkeys((*coder.hosts, *coder.secrets.values())))
    box = Box(
        command=coder.command, folder=folder, reads=coder.reads, hosts=hosts, env=coder.env, secrets=secrets,
        limits=limits,
    )  # fmt: skip
    return boxed(box, told.append)
