from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.connectors.slack.client import Client
from meshclaw.connectors.slack.connector import SlackConnector
from meshclaw.settings.slack import Kind, Workspace
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, USER_TOKEN, Slack, running
from tests.servers.slack.world import BOT, HOST, ME, TEAM

TOKENS: dict[Kind, str] = {"bot": BOT_TOKEN, "app": APP_TOKEN, "user": USER_TOKEN}


@pytest.fixture
def slack() -> Iterator[Slack]:
    with running() as slack:
        yield slack


def client_of(slack: Slack, *kinds: Kind, **more: object) -> Client:
    workspace = Workspace(
        team=TEAM, host=HOST, bot=BOT, me=ME, api=slack.api, tokens=kinds or ("bot", "app", "user")
    )
    return Client(workspace, token=TOKENS.__getitem__, **{"sleep": lambda _: None, **more})  # type: ignore[arg-type]


@pytest.fixture
def connector(slack: Slack, tmp_path: Path) -> SlackConnector:
    return SlackConnector(client_of(slack), tmp_path / "files", sleep=lambda _: None)
