"""A Slack of our own on a loopback address: Web API, files and Socket Mode, with the faults that matter.

    with running() as slack:
        kim = slack.world.user("kim", real_name="Kim Stone")
        deploys = slack.world.channel("deploys", members=[kim])
        slack.faults.add("chat.postMessage", Fault("drop", done=True))   # accepted, and the answer is lost
        slack.say(deploys, kim, "<@U0BOT> roll it out")                  # an envelope goes out over the socket

It is kept honest in two ways: ``tests/contracts/test_slack_shapes.py`` asks it and the npm package emulate the same
things, and the real slack_bolt talks to it in ``tests/servers/slack/test_bolt.py``.
"""

from __future__ import annotations

from tests.servers.slack.faults import Fault
from tests.servers.slack.server import APP_TOKEN, BOT_TOKEN, USER_TOKEN, Slack, running
from tests.servers.slack.world import BOT, ME, TEAM, World

__all__ = ["APP_TOKEN", "BOT", "BOT_TOKEN", "ME", "TEAM", "USER_TOKEN", "Fault", "Slack", "World", "running"]
