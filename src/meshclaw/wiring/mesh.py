"""The claw's side of the mesh, from its settings."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import date
from typing import TYPE_CHECKING

from meshclaw.agents.builtin import AGENTS
from meshclaw.settings import mesh as settings
from meshclaw.wiring.claw import Claw

if TYPE_CHECKING:
    from meshclaw.mesh.journal import Journal


@contextmanager
def journal(claw: Claw) -> Generator[Journal]:
    from meshclaw.mesh.journal import Journal

    settings.load(claw.folder)
    with closing(Journal(claw.folder)) as found:
        yield found


def collect(claw: Claw, found: Journal, today: date) -> None:
    """Put facts of every day that is over into the journal."""
    from meshclaw.ledger.usage.store import UsageStore
    from meshclaw.mesh.telling import collect as collected

    path = claw.folder / "usage.db"
    usage = UsageStore(path) if path.exists() else None
    try:
        collected(
            found, claw.ledger, usage, membership=settings.load(claw.folder),
            person_key=settings.person_key(claw.folder), shared=frozenset(AGENTS), today=today,
        )  # fmt: skip
    finally:
        if usage is not None:
            usage.close()
