"""``meshclaw slack``: nothing is kept before it was tried, and no token is ever shown or written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meshclaw.cli.main import cli
from meshclaw.connectors.slack import scopes
from meshclaw.errors import MeshClawError, NotFound, SignInNeeded, UserError
from meshclaw.settings.slack import Workspace, Workspaces, token_of, tokens_in
from tests.conftest import InMemory
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, ME, TEAM, USER_TOKEN, Slack, running
from tests.servers.slack.methods import METHODS

ALL = f"{BOT_TOKEN}\n{APP_TOKEN}\n{USER_TOKEN}\n"


@pytest.fixture
def slack() -> Iterator[Slack]:
    with running() as slack:
        yield slack


def run(*words: str, given: str = "", env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, ["slack", *words], input=given, env=env)


def connect(slack: Slack, *words: str, given: str = ALL) -> Result:
    return run("connect", "--api", slack.api, "--secret-stdin", *words, given=given)


def everything_in(home: Path) -> str:
    return "".join(path.read_text("latin-1") for path in home.rglob("*") if path.is_file())


def test_a_workspace_is_connected_once_everything_was_tried(slack: Slack, home: Path, ring: InMemory) -> None:
    result = connect(slack)
    assert result.exit_code == 0, result.output
    [workspace] = Workspaces(home).all()
    assert (workspace.team, workspace.host, workspace.bot, workspace.me) == (
        TEAM,
        "acme.slack.com",
        "U0BOT",
        ME,
    )
    assert ring.kept["meshclaw", f"slack:{TEAM}:bot"] == BOT_TOKEN
    assert [token_of(workspace, kind) for kind in workspace.tokens] == [BOT_TOKEN, APP_TOKEN, USER_TOKEN]
    seen = result.output + everything_in(home)
    assert not any(token in seen for token in (BOT_TOKEN, APP_TOKEN, USER_TOKEN))
    assert run("test").exit_code == 0
    assert json.loads(run("status", "--json").stdout)[0]["host"] == "acme.slack.com"


def test_a_dry_run_keeps_nothing(slack: Slack, home: Path, ring: InMemory) -> None:
    assert "Would connect" in connect(slack, "--dry-run").output
    assert (Workspaces(home).all(), ring.kept) == ((), {})


def test_tokens_come_from_the_environment_or_a_question(slack: Slack, home: Path, ring: InMemory) -> None:
    result = run(
        "connect", "--api", slack.api, env={"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}
    )
    assert result.exit_code == 0, result.output
    [workspace] = Workspaces(home).all()
    assert (workspace.tokens, workspace.me) == (("bot", "app"), "")
    asked = run("connect", "--api", slack.api, "--me", "me@acme.example", given=ALL)
    assert asked.exit_code == 0, asked.output
    assert Workspaces(home).get().me == ME
    assert BOT_TOKEN not in asked.output


def test_a_file_of_ones_own_stays_where_it_is(
    slack: Slack, home: Path, ring: InMemory, tmp_path: Path
) -> None:
    secret = tmp_path / "tokens"
    secret.write_text(ALL)
    secret.chmod(0o644)
    assert isinstance(run("connect", "--api", slack.api, "--secret-file", str(secret)).exception, UserError)
    secret.chmod(0o600)
    assert run("connect", "--api", slack.api, "--secret-file", str(secret)).exit_code == 0
    assert (Workspaces(home).get().secret_file, ring.kept) == (str(secret), {})
    assert token_of(Workspaces(home).get(), "app") == APP_TOKEN


@pytest.mark.parametrize(("given", "error"), [
    ("", SignInNeeded), (f"{APP_TOKEN}\n", SignInNeeded), ("xoxb-wrong\n", SignInNeeded), ("hunter2\n", UserError),
    ("xoxb-with space\n", UserError),
])  # fmt: skip
def test_what_slack_does_not_take_is_not_kept(
    slack: Slack, home: Path, ring: InMemory, given: str, error: type[MeshClawError]
) -> None:
    result = connect(slack, given=given)
    assert isinstance(result.exception, error)
    assert given.strip() not in f"{result.output}{result.exception}" or not given
    assert (Workspaces(home).all(), ring.kept) == ((), {})


def test_scopes_that_lack_are_named_and_only_the_first_ones_stop_it(
    slack: Slack, home: Path, ring: InMemory
) -> None:
    slack.grant(*(scopes.bot().keys() - {"reactions:write"}))
    result = connect(slack)
    assert result.exit_code == 0
    assert "lacks 1 of 19: reactions:write" in result.output
    slack.grant("chat:write")
    refused = connect(slack)
    assert isinstance(refused.exception, MeshClawError)


def test_a_user_token_of_somebody_else_is_told(slack: Slack, home: Path, ring: InMemory) -> None:
    kim = slack.world.user("kim")
    result = connect(slack, "--me", kim)
    assert "is @me's, not yours" in result.output
    assert run("test").exit_code == 1


def test_two_workspaces_are_told_apart(home: Path) -> None:
    known = Workspaces(home)
    known.put(Workspace(team="T1", host="acme.slack.com"))
    known.put(Workspace(team="T2", host="other.slack.com"))
    for name in ("acme", "acme.slack.com", "T1", "slack:acme.slack.com"):
        assert known.get(name).team == "T1"
    with pytest.raises(NotFound, match=r"acme\.slack\.com, other\.slack\.com"):
        known.get()
    assert isinstance(run("test").exception, NotFound)


def test_a_workspace_and_its_tokens_are_forgotten(slack: Slack, home: Path, ring: InMemory) -> None:
    connect(slack)
    assert run("disconnect").exit_code == 0
    assert (Workspaces(home).all(), ring.kept) == ((), {})


def test_every_scope_of_the_app_has_its_reason_and_a_method_that_needs_it(home: Path) -> None:
    assert run("manifest").stdout == scopes.manifest()
    listed = [
        line
        for line in scopes.manifest().splitlines()
        if line.startswith("      - ") and "_" not in line[:11]
    ]
    asked = scopes.bot() | scopes.user()
    assert all(asked.values())
    assert {scope for _, scope in METHODS.values() if scope} - {"channels:join"} <= asked.keys()
    assert len(listed) > len(asked)  # events stand below


@pytest.mark.parametrize("text", ["xoxb-1\nxapp-2\n", "\n xoxb-1 \n\nxapp-2"])
def test_tokens_are_told_apart_by_how_they_begin(text: str) -> None:
    assert tokens_in(text) == {"bot": "xoxb-1", "app": "xapp-2"}


def test_a_claw_with_slack_alone_can_be_asked(slack: Slack, home: Path, ring: InMemory) -> None:
    connect(slack)
    result = CliRunner().invoke(
        cli,
        ["ask", "--model", "anthropic:claude-haiku-4-5", "--dry-run", "post to #deploys that all is well"],
    )
    assert "with the tools of slack:acme.slack.com" in result.output
