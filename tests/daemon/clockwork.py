"""One look of the clock in a process of its own: ``python -m tests.daemon.clockwork NOW [N]``.

NOW is what its clock says. With N it ends by SIGKILL at its N-th moment: before or after a write of the ledger or the
content store, or an answer of the model; it exits 99 where it ended before that. The model always answers.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

from meshclaw.daemon.desk import Desk, Done
from meshclaw.daemon.schedules import Schedules
from meshclaw.flow.conversation import Said
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.settings.models import Entry
from meshclaw.settings.times import load
from meshclaw.testing.model import FakeModel
from meshclaw.triggers.store import Store
from meshclaw.wiring import Claw, open_claw

ENTRY = Entry(name="fake:model", model="anthropic:claude-haiku-4-5", limit=100)
left = int(sys.argv[2]) if len(sys.argv) > 2 else 0
lock = threading.Lock()


def moment() -> None:
    global left  # noqa: PLW0603 - one process, one countdown
    with lock:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def around(method: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        moment()
        result = method(*args, **kwargs)
        moment()
        return result

    return wrapped


class Counted(Desk):
    """Knows when nothing is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0
        self.rest = threading.Condition()

    def _put(self, work: Callable[[], None]) -> None:
        with self.rest:
            self.open += 1

        def counted() -> None:
            work()
            with self.rest:
                self.open -= 1
                self.rest.notify_all()

        super()._put(counted)

    def wait(self) -> None:
        with self.rest:
            assert self.rest.wait_for(lambda: not self.open, 30)


def source(_: Claw, name: str) -> Source:
    return Source(name, [ENTRY], [FakeModel(Said(text="Nothing new."))], Health())


def main() -> None:
    for owner, name in ((Ledger, "record"), (Ledger, "sign_head"), (ContentStore, "put"), (FakeModel, "ask")):
        setattr(owner, name, around(getattr(owner, name)))
    Claw.source = source  # type: ignore[method-assign]
    desk, told = Counted(), list[str]()
    ended = list[Done]()
    desk.resume(ended.append)
    schedules = Schedules(desk, told.append)
    with open_claw() as claw, closing(Store(claw.folder)) as store:
        schedules.begin(claw, store)
        schedules.round(claw, store, load(claw.folder), datetime.fromisoformat(sys.argv[1]))
        desk.wait()
        schedules.round(claw, store, load(claw.folder), datetime.fromisoformat(sys.argv[1]))
    desk.wait()
    print("\n".join(told))


if __name__ == "__main__":
    main()
    sys.exit(99)
