"""Dreams in the folder ``argv[1]`` and is killed with SIGKILL at its n-th statement: ``python -m ... FOLDER N``.

Exits 99 where the dream ended before its n-th statement.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from meshclaw.agents.memory.store import Memory
from meshclaw.flow.event.model import ModelAnswered
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.dream import dream
from tests.runs.dreaming.nights import add, parts_of, proposing, source

BOSS = add("Their new boss is Kim Lang")


def main(folder: Path, left: int) -> None:
    def moment(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    ledger, memory = Ledger(folder), Memory.open(folder / "memory.db")
    contents = ledger.contents
    for connection in (ledger._db, memory.db):
        connection.set_trace_callback(moment)
    answers = [] if list(ledger.events(ModelAnswered)) else [proposing(BOSS)]
    dream(parts_of(ledger, contents), memory, ledger.now(), source=source(*answers)[0])
    for part in (memory, ledger):
        part.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.exit(99)
