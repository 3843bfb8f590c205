"""The other half: begins what the person asked for, brings answers back, hangs cards, shows the home tab.

One thread decides in turn; runs, commands and answers to asks have threads of their own and hand back their end.
What Slack does not take for a while is kept: the service starts again, from what is kept and what the ledger says.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from meshclaw.connectors.slack.client import Client
from meshclaw.daemon.desk import Desk
from meshclaw.daemon.following import LOOK_S
from meshclaw.daemon.slack import commands, home, pane
from meshclaw.daemon.slack.asks import Asks
from meshclaw.daemon.slack.envelopes import Interaction, Pressed
from meshclaw.daemon.slack.gate import Stranger, Words
from meshclaw.daemon.slack.kept import Kept, Post
from meshclaw.daemon.slack.missed import missed
from meshclaw.daemon.slack.saying import Mouth
from meshclaw.daemon.slack.turns import Ended, Turns
from meshclaw.errors import UserError
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked, ApprovalSeconded
from meshclaw.flow.event.model import AnswerGiven
from meshclaw.flow.event.run import RunCancelled, RunFailed, RunFinished
from meshclaw.settings.slack import Workspace
from meshclaw.wiring import Claw, open_claw

log = logging.getLogger(__name__)

ASKS = (ApprovalAsked, ApprovalAnswered, ApprovalSeconded)
ENDS = (AnswerGiven, RunFinished, RunFailed, RunCancelled)
SIDE_BY_SIDE = 4
"""Commands and answers to asks that are done at the same time."""
NOT_YOURS = "I work for somebody else here, so I do nothing with what you write to me."


class Clicked(msgspec.Struct, frozen=True, kw_only=True):
    interaction: Interaction
    pressed: Pressed


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody opened the home tab."""

    user: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The person opened the assistant pane."""

    channel: str
    thread: str


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """The socket is back."""

    since: float


class Changed(msgspec.Struct, frozen=True):
    """Something was done about an ask."""


Work = Words | Stranger | Clicked | Looked | Opened | Missed | Changed | Ended


class Speaker:
    """One workspace's answers, as a service of the daemon."""

    def __init__(
        self, workspace: Workspace, desk: Desk, folder: Path, *, client: Client | None = None
    ) -> None:
        self.name = f"slack {workspace.host} answers"
        self.at_work = threading.Lock()
        self._client = client or Client(workspace)
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, "slack")
        self.kept = Kept(folder, workspace.team)
        self._mouth = Mouth(self._client, self.kept)
        self._turns = Turns(self._client, self.kept, self._mouth, desk, put=self.put, later=self._later)
        self._asks = Asks(
            self._client, self.kept, self._mouth, later=self._later, changed=lambda: self.put(Changed())
        )
        self._home_seen = False
        """The person looked at the home tab, so it is kept true."""

    def put(self, work: Work) -> None:
        """From any thread; returns at once."""
        self._queue.put(work)

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        with open_claw(limited=False) as watched:
            seen = watched.ledger.newest()
            ready()
            self._with_claw(self._pick_up)
            while not stop.is_set():
                work = self._next()
                if work is not None:
                    self._with_claw(partial(self._tried, work))
                if watched.ledger.newest() > seen:
                    after, seen = seen, watched.ledger.newest()
                    self._with_claw(partial(self._news, after))
                elif self._asks.next is not None and watched.ledger.now() >= self._asks.next:
                    self._with_claw(self._asks.hang)

    def _with_claw(self, work: Callable[[Claw], None]) -> None:
        """As the person's settings are now. A policy that does not hold stops runs, not what is said about it."""
        with self.at_work, open_claw(limited=False) as claw:
            work(claw)

    def _next(self) -> Work | None:
        try:
            return self._queue.get(timeout=LOOK_S)
        except Empty:
            return None

    def _later(self, work: Callable[[], None]) -> None:
        self._pool.submit(_told, work)

    def _pick_up(self, claw: Claw) -> None:
        """After a start, of the daemon or of this service."""
        self.kept.tidy()
        self._mouth.recover()
        self._turns.go_on(claw)
        self._turns.begin()
        self._asks.hang(claw)

    def _tried(self, work: Work, claw: Claw) -> None:
        try:
            self._do(claw, work)
        except UserError as error:  # about this one thing; the next may be all right
            log.warning("Something said in Slack came to nothing: %s %s", error.message, error.fix)

    def _do(self, claw: Claw, work: Work) -> None:
        match work:
            case Words():
                self._turns.begin()
            case Ended():
                self._turns.end(claw, work)
            case Changed():
                self._asks.hang(claw)
            case Clicked():
                self._clicked(claw, work)
            case Missed():
                self._read_back(work.since)
            case Opened():
                pane.suggest(self._client, work.channel, work.thread)
            case Stranger():
                self._mouth.say(
                    Post(
                        op=f"stranger {work.user} {claw.ledger.now():%F}",
                        channel=work.channel,
                        text=NOT_YOURS,
                    )
                )
            case Looked():
                self._look(claw, work.user)

    def _news(self, after: int, claw: Claw) -> None:
        """The ledger has new facts, whoever wrote them."""
        asked, over = False, dict[str, None]()
        for event in claw.ledger.events(*ASKS, *ENDS, after=after):
            asked = asked or isinstance(event, (*ASKS, RunFinished))
            if isinstance(event, ENDS):
                over[event.run] = None
        for run in over:
            self._turns.ended_elsewhere(claw, run)
        if asked:
            self._asks.hang(claw)
        if self._home_seen and (asked or over):
            home.publish(self._client, claw)

    def _clicked(self, claw: Claw, work: Clicked) -> None:
        if work.pressed.action_id == home.STOP:
            commands.stop_claw()
            home.publish(self._client, claw)
            return
        self._asks.click(claw, work.interaction, work.pressed)

    def _read_back(self, since: float) -> None:
        for words in missed(self._client, self.kept, self._mouth.direct(), since):
            self.kept.hear(words)
        self._turns.begin()

    def _look(self, claw: Claw, user: str) -> None:
        if user == self._client.workspace.me:
            self._home_seen = True
            home.publish(self._client, claw)
        else:
            home.refuse(self._client, user)

    def close(self) -> None:
        """Lets go of what is open; the process does so as well as it ends."""
        self._pool.shutdown()
        self.kept.close()


def _told(work: Callable[[], None]) -> None:
    """A pool keeps what went wrong to itself."""
    try:
        work()
    except Exception:
        log.exception("Something is wrong in the claw itself.")
        raise
