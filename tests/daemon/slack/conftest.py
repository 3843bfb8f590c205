"""A claw with a mailbox, a scripted model and a workspace on our own Slack; its services run until the test ends."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from meshclaw.connectors.slack.client import Client
from meshclaw.daemon.desk import Desk
from meshclaw.daemon.service import Services, Standing
from meshclaw.daemon.slack import streaming
from meshclaw.daemon.slack.listening import Listener
from meshclaw.daemon.slack.speaking import Speaker
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.settings.accounts import Account, Accounts
from meshclaw.settings.models import Entry
from meshclaw.settings.slack import Workspace, Workspaces
from meshclaw.testing.model import FakeModel
from meshclaw.wiring import Claw
from tests.servers.slack import APP_TOKEN, BOT, BOT_TOKEN, ME, TEAM, Slack, running

PULSE_S, DEAD_S = 0.1, 0.5
SECONDS = 20.0


def until(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    frames = sys._current_frames()
    stacks = "\n".join(
        "".join([one.name, ":\n", *traceback.format_stack(frames[one.ident])[-4:]])
        for one in threading.enumerate() if one.ident in frames
    )  # fmt: skip
    raise AssertionError(f"it did not come to be in time\n{stacks}")


@pytest.fixture
def slack() -> Iterator[Slack]:
    with running(ack_seconds=1.0) as slack:
        yield slack


@pytest.fixture
def workspace(home: Path, slack: Slack, tmp_path: Path) -> Workspace:
    """A person with a mailbox and a connected workspace."""
    mail = tmp_path / "mail"
    for name in ("cur", "new", "tmp"):
        (mail / name).mkdir(parents=True)
    Accounts(home).put(Account(address=f"maildir:{mail}", me=("mo@acme.example",)))
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{BOT_TOKEN}\n{APP_TOKEN}\n")
    tokens.chmod(0o600)
    connected = Workspace(
        team=TEAM, host="acme.slack.com", bot=BOT, me=ME, api=slack.api, secret_file=str(tokens)
    )
    Workspaces(home).put(connected)
    (home / "models.toml").write_text('[classes]\nfast = ["anthropic:claude-haiku-4-5"]\n')
    return connected


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """The model that every run asks; its answers are still to be put in."""
    model = FakeModel(name="anthropic:claude-haiku-4-5")
    entry = Entry(name=model.name, model=model.name)
    monkeypatch.setattr(Claw, "source", lambda _, name: Source(name, [entry], [model], Health()))
    return model


class Running:
    """The two services of a workspace, as the daemon runs them."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.desk = Desk()
        self.speaker = Speaker(workspace, self.desk, folder, client=client_of(workspace))
        self.listener = Listener(
            workspace,
            self.speaker,
            client=client_of(workspace),
            pulse_s=PULSE_S,
            dead_s=DEAD_S,
            crowded_s=0.05,
        )
        self.seen: list[tuple[str, Standing]] = []
        self.services = Services([self.listener, self.speaker], self._changed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.services.run, args=(self._stop,))

    def _changed(self, services: Services) -> None:
        self.seen += services.standing.items()

    def start(self) -> None:
        self.desk.resume(lambda _: None)
        before = set(threading.enumerate())
        self._thread.start()
        names = {self.listener.name, self.speaker.name}
        self._threads = set[threading.Thread]()

        def begun() -> bool:
            self._threads |= {one for one in set(threading.enumerate()) - before if one.name in names}
            states = [one.state for one in self.standing.values()]
            return len(self._threads) + states.count("ended") >= len(names)

        until(begun)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        for service in (self.listener, self.speaker):  # the daemon's process ends with them held
            service.at_work.release()
        until(lambda: not any(one.is_alive() for one in self._threads))
        until(lambda: not any(one.name == "run" for one in threading.enumerate()))
        self.speaker.close()

    @property
    def standing(self) -> dict[str, Standing]:
        return self.services.standing


def client_of(workspace: Workspace) -> Client:
    return Client(workspace, sleep=lambda seconds: time.sleep(min(seconds, 0.05)))


@contextmanager
def at_work(workspace: Workspace, folder: Path, slack: Slack) -> Iterator[Running]:
    running = Running(workspace, folder)
    running.start()
    try:
        assert slack.socket.connected()
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that are there for real networks are short."""
    monkeypatch.setattr("meshclaw.daemon.service.RETRY_S", (0.1, 0.1, 0.2))
    monkeypatch.setattr("meshclaw.connectors.slack.once.SETTLE", 0.05)
    monkeypatch.setattr("meshclaw.daemon.slack.speaking.LOOK_S", 0.05)
    monkeypatch.setattr(streaming, "SLOWER_S", 0.05)


@pytest.fixture
def claw(workspace: Workspace, home: Path, slack: Slack, model: FakeModel) -> Iterator[Running]:
    with at_work(workspace, home, slack) as running:
        yield running


def direct(slack: Slack) -> str:
    return slack.world.direct(ME)


def said(slack: Slack, channel: str, user: str = BOT) -> list[dict[str, Any]]:
    with slack.world.lock:
        return [one for one in slack.world.messages[channel] if one.get("user") == user]
