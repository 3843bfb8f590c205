"""One of two claws that race for the last units: ``python -m tests.runs.spending FOLDER NAME COUNT LIMIT``.

Waits for the file ``go``, notes COUNT things one by one under a limit per hour, and prints how many were done.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from meshclaw.flow.action import Action
from meshclaw.flow.person import Person
from meshclaw.flow.request import Request
from meshclaw.guard import intents
from meshclaw.guard.ceiling import Ceiling
from meshclaw.guard.layers.review import pin
from meshclaw.guard.limits import Limits, Window
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.act import Door
from meshclaw.runs.deciding import Parts
from meshclaw.runs.run import start
from meshclaw.testing.connector import NOTE, FakeConnector
from meshclaw.testing.policies import permit_all
from tests.runs.conftest import AGENT, RIGHTS

if __name__ == "__main__":
    folder, name, count, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    intents.INTENTS["test.work"] = RIGHTS
    world = FakeConnector()
    ledger = Ledger(folder)
    contents = ledger.contents
    door = Door(Parts(ledger=ledger, contents=contents, connectors={"fake": world},
        ceiling=Ceiling(rights=RIGHTS), policies=permit_all(world.declarations.values()), person=Person(),
        stopped=lambda: None,
        limits=Limits(hour=Window(changes=limit)), reviewed={"fake": pin(world.declarations.values())},
    ))  # fmt: skip
    request = Request(intent="test.work", trigger="terminal", trust="person")
    run = start(ledger, contents, request=request, agent=AGENT, subject="the fake world")
    (folder / f"ready-{name}").touch()
    while not (folder / "go").exists():
        time.sleep(0.001)
    for number in range(count):
        time.sleep(0.001)  # the other one's turn
        door.act(run, AGENT, [Action(run=run.id, verb=NOTE, arguments={"text": f"{name}{number}"})])
    ledger.close()
    sys.stdout.write(f"{len(world.world)}\n")
