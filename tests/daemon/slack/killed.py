"""A claw in a process of its own, to be killed: it works on what comes from Slack, and its model never ends.

Run: python -m tests.daemon.slack.killed HOME
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from meshclaw.daemon.desk import Desk
from meshclaw.daemon.service import Services
from meshclaw.daemon.slack.service import of_workspace
from meshclaw.flow.conversation import Call, Prompt, Said
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.settings.models import Entry
from meshclaw.settings.slack import Workspaces
from meshclaw.testing.model import FakeModel
from meshclaw.wiring import Claw


def never(_: Prompt) -> str:
    print("asked", flush=True)
    time.sleep(600)
    return ""


def main(folder: Path) -> None:
    model = FakeModel(
        Said(calls=(Call(id="c1", verb="mail.list", arguments={}),)), never, name="anthropic:claude-haiku-4-5"
    )
    entry = Entry(name=model.name, model=model.name)
    Claw.source = lambda _, name: Source(name, [entry], [model], Health())  # type: ignore[method-assign]
    [workspace] = Workspaces(folder).all()
    Services(of_workspace(workspace, Desk(), folder), lambda _: None).run(threading.Event())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
