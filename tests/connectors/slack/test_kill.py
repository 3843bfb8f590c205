"""SIGKILL at every moment of a post: afterwards, and after going on, there is exactly one message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshclaw.flow.event.action import ActionPerformed
from meshclaw.ledger.ledger import Ledger
from meshclaw.settings.slack import Workspace, Workspaces
from tests.servers.slack import BOT, BOT_TOKEN, ME, TEAM, Fault, Slack
from tests.servers.slack.world import HOST

ROOT = Path(__file__).parents[3]
ENDED = 99
MOST = 60


def run(home: Path, moment: int, channel: str) -> int:
    program = [sys.executable, "-W", "error", "-m", "tests.connectors.slack.killed", str(moment), channel]
    environment = {**os.environ, "MESHCLAW_HOME": str(home), "PYTHONPATH": f"{ROOT / 'src'}"}
    return subprocess.run(
        program, cwd=ROOT, env=environment, check=False, stderr=subprocess.DEVNULL
    ).returncode


def home_of(slack: Slack, folder: Path) -> Path:
    folder.mkdir()
    secret = folder / "tokens"
    secret.touch(mode=0o600)
    secret.write_text(f"{BOT_TOKEN}\n")
    Workspaces(folder).put(
        Workspace(
            team=TEAM, host=HOST, bot=BOT, me=ME, api=slack.api, tokens=("bot",), secret_file=str(secret)
        )
    )
    return folder


def receipts(home: Path) -> int:
    ledger = Ledger(home)
    try:
        return len(list(ledger.events(ActionPerformed)))
    finally:
        ledger.close()


@pytest.mark.timeout(300)
def test_killed_at_any_moment_a_post_is_made_once(slack: Slack, tmp_path: Path) -> None:
    for moment in range(1, MOST):
        channel, home = slack.world.channel(f"deploys-{moment}"), home_of(slack, tmp_path / str(moment))
        ended = run(home, moment, channel)
        assert ended in (-9, ENDED)
        assert run(home, 10_000, channel) == ENDED
        assert slack.world.texts(channel) == ["once"], moment
        assert receipts(home) >= 1
        if ended == ENDED:
            break
    assert 8 < moment < MOST - 1


def test_an_answer_that_was_lost_leaves_one_message_and_its_receipt(slack: Slack, tmp_path: Path) -> None:
    channel, home = slack.world.channel("deploys"), home_of(slack, tmp_path / "home")
    slack.faults.add("chat.postMessage", Fault("drop", done=True))
    assert run(home, 10_000, channel) == ENDED
    assert (slack.world.texts(channel), receipts(home), len(slack.calls("chat.postMessage"))) == (
        ["once"],
        1,
        1,
    )
