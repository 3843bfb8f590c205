"""The digest of channels: every mention since the last one, each once, without a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meshclaw.cli.main import cli
from meshclaw.errors import NotFound
from meshclaw.settings.slack import Workspace
from tests.servers.slack import ME, Slack


def digest(*words: str) -> Result:
    return CliRunner().invoke(cli, ["slack", "digest", *words])


def test_each_mention_is_told_once(workspace: Workspace, home: Path, slack: Slack) -> None:
    kim = slack.world.user("kim")
    deploys = slack.world.channel("deploys", members=[ME, kim])
    other = slack.world.channel("other", members=[ME, kim], with_bot=False)
    parent = slack.say(deploys, kim, "rolling out at noon")
    slack.say(deploys, kim, f"<@{ME}> is that fine?\x1b[2J")
    slack.say(deploys, kim, f"and you, <@{ME}>?", thread=parent)
    slack.say(deploys, kim, "<!here> it is out")
    slack.say(deploys, ME, f"<@{ME}> note to myself")
    slack.say(other, kim, f"<@{ME}> not where the claw is")
    first = digest()
    assert first.exit_code == 0, first.output
    assert "#deploys" in first.stdout
    assert "kim: @me is that fine?" in first.stdout
    assert "kim: and you, @me?" in first.stdout
    assert "kim rang everybody: @here it is out" in first.stdout
    assert "\x1b" not in first.stdout
    assert f"/archives/{deploys}/p" in first.stdout
    assert "3 mentions in 5 new messages of 1 channels." in first.stderr
    assert digest().stdout == ""
    slack.say(deploys, kim, f"<@{ME}> again")
    assert "again" in digest("#deploys").stdout
    with pytest.raises(NotFound, match="not in #other"):
        CliRunner().invoke(cli, ["slack", "digest", "other"], catch_exceptions=False)
