"""What the claw remembers, for one run: opened by itself, for many runs read and write it at once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from meshclaw.connectors.memory.manifest import DECLARATIONS
from meshclaw.wiring.claw import Claw
from meshclaw.wiring.place import Lazy, Place
from meshclaw.wiring.site import Site

if TYPE_CHECKING:
    from meshclaw.agents.memory.likeness import Likeness, Static
    from meshclaw.connectors.memory.connector import MemoryConnector
    from meshclaw.flow.conversation import Turn
    from meshclaw.flow.run import Run
    from meshclaw.runs.dream import Dreamer

NAME = "memory"
FILE = "memory.db"


def places(site: Site, stack: ExitStack) -> dict[str, Place]:
    from meshclaw.connectors.memory.connector import tools

    @contextmanager
    def opened() -> Generator[MemoryConnector]:
        with connector(site.claw, site.agent.name) as found:
            yield found

    return {NAME: Place(connector=Lazy(DECLARATIONS, opened, stack), tools=tools())}


@contextmanager
def connector(claw: Claw, agent: str) -> Generator[MemoryConnector]:
    from meshclaw.agents.memory.store import Memory
    from meshclaw.connectors.memory.connector import MemoryConnector
    from meshclaw.runs.revising import Keeping

    with closing(Memory.open(claw.folder / FILE)) as memory:
        yield MemoryConnector(Keeping(memory, claw.ledger, agent, likeness(claw)))


def remembered_for(claw: Claw, run: Run) -> Turn | None:
    """What a run with a model is told from the memory before it begins."""
    from meshclaw.agents.memory.store import Memory
    from meshclaw.runs.remembered import remembered

    with closing(Memory.open(claw.folder / FILE)) as memory:
        return remembered(claw.ledger, memory, run)


def likeness(claw: Claw) -> Likeness | None:
    """Where memory.toml names a model: it is loaded once for a claw."""
    from meshclaw.settings.memory import load

    if not (named := load(claw.folder).embeddings):
        return None
    from meshclaw.agents.memory.likeness import Likeness, Static

    if named not in _MODELS:
        _MODELS[named] = Static(Path(named).expanduser())
    return Likeness(_MODELS[named])


_MODELS: dict[str, Static] = {}
DREAM = "memory.dream"
CLASS = "dream"
"""The class of models.toml that dreams ask, where there is one; else the usual one."""


@contextmanager
def dreaming(claw: Claw, *, no_model: bool = False) -> Generator[Dreamer]:
    """One night's dreamer, with a memory opened for it alone: ``dreamer.go(claw.ledger.now())``."""
    from meshclaw.agents.memory.store import Memory
    from meshclaw.runs.dream import NOT_SET_UP, OFF, Dreamer

    parts, classes = claw.door().parts, claw.models.classes
    with closing(Memory.open(claw.folder / FILE)) as memory:
        if no_model or not classes:
            yield Dreamer(parts, memory, without=OFF if no_model else NOT_SET_UP)
        else:
            yield Dreamer(parts, memory, claw.source(CLASS if CLASS in classes else claw.models.usual))
