"""Posts once, or goes on with the run that stopped: ``python -m tests.connectors.slack.killed N CHANNEL``.

It is killed at its N-th moment: before or after a write of the ledger, of the content store, or to Slack. Exits 99
where it ended before.
"""

from __future__ import annotations

import sys

from meshclaw.agents.builtin import CLAW
from meshclaw.connectors.slack.client import Client
from meshclaw.flow.action import Action
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.request import Request
from meshclaw.runs.run import start, tell_last, working
from meshclaw.wiring import open_claw
from meshclaw.wiring.workplace import workplace
from tests.runs import crashing
from tests.servers.slack.world import HOST

Client.write = crashing.around(Client.write)  # what else is counted, ``arm`` names


def main(channel: str) -> None:
    with open_claw() as claw:
        stopped = tell_last(claw.ledger, claw.contents, 1)
        if stopped and stopped[0].state not in ("running", "failed"):
            return
        if not stopped:
            level = AutonomyChanged(agent=CLAW.label, verb="slack.post", level="autonomous", by="person")
            claw.ledger.record(level)
        request = Request(intent="ask", trigger="terminal", trust="person")
        run = stopped[0].run if stopped else start(
            claw.ledger, claw.contents, request=request, agent=CLAW, subject=f"slack:{HOST}"
        )  # fmt: skip
        with workplace(claw, run) as place, working(claw.ledger, run):
            place.door.settle(run, CLAW)
            post = Action(
                run=run.id, verb="slack.post", arguments={"channel": f"{channel}@{HOST}", "text": "once"}
            )
            [result] = place.door.act(run, CLAW, [post])
            assert result.stand == "done", result


if __name__ == "__main__":
    crashing.arm(int(sys.argv[1]))
    main(sys.argv[2])
    sys.exit(99)
