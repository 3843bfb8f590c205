"""All of it together, and what the person in front of Slack does: says, clicks, calls a slash command."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from meshclaw.connectors.slack import scopes
from tests.servers.slack.faults import Faults
from tests.servers.slack.methods import Caller
from tests.servers.slack.socket import Envelope, Socket
from tests.servers.slack.web import Called, Web
from tests.servers.slack.world import APP, BOT, BOT_ID, ME, TEAM, Thing, World

BOT_TOKEN, APP_TOKEN, USER_TOKEN = "xoxb-tests-bot", "xapp-tests-app", "xoxp-tests-user"
BOTS = frozenset(scopes.bot())
"""What the shipped app asks for: a call for which that is not enough fails here too."""


class Slack:
    def __init__(self, *, ack_seconds: float = 3.0) -> None:
        self.world = World()
        self.faults = Faults()
        self.socket = Socket(ack_seconds)
        self.tokens = {
            BOT_TOKEN: Caller("bot", BOT, BOTS), APP_TOKEN: Caller("app", "", frozenset({"connections:write"})),
            USER_TOKEN: Caller("user", ME, frozenset(scopes.user())),
        }  # fmt: skip
        self.web = Web(
            self.world, self.faults, self.tokens, {"apps.connections.open": self.socket.open}, self._done
        )
        self.api = f"{self.web.base}/api/"

    def stop(self) -> None:
        self.socket.stop()
        self.web.stop()

    def calls(self, method: str = "") -> list[Called]:
        return [one for one in self.web.calls if not method or one.method == method]

    def grant(self, *scopes: str) -> None:
        """Only these, from now on, to the bot."""
        self.tokens[BOT_TOKEN] = Caller("bot", BOT, frozenset(scopes))

    # -- people ------------------------------------------------------------------------------

    def say(self, channel: str, user: str, text: str, *, thread: str = "", **more: object) -> str:
        """Somebody writes a message; its ``ts``. The app hears of it where it is a member."""
        message = {"user": user, "text": text, "team": self.world.users[user]["team_id"], **more}
        made = self.world.add(channel, {**message, **({"thread_ts": thread} if thread else {})})
        self._tell(channel, made)
        return str(made["ts"])

    def click(self, user: str, channel: str, ts: str, action: Thing, **more: object) -> Envelope:
        """A press on a button of a message."""
        message = self.world.there(channel, ts)
        return self.socket.send("interactive", {
            "type": "block_actions", "team": {"id": TEAM, "domain": "acme"}, "api_app_id": APP,
            "user": {"id": user, "name": self.world.users[user]["name"], "team_id": TEAM},
            "trigger_id": self.world.new_ts(),
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "channel": {"id": channel, "name": self.world.channels[channel].get("name", "directmessage")},
            "message": message, "actions": [{"type": "button", "action_ts": self.world.new_ts(), **action}],
            "response_url": f"{self.web.base}/response/{ts}", **more,
        }, answers=False)  # fmt: skip

    def slash(self, user: str, channel: str, command: str, text: str) -> Envelope:
        return self.socket.send("slash_commands", {
            "command": command, "text": text, "user_id": user, "user_name": self.world.users[user]["name"],
            "team_id": TEAM,
            "channel_id": channel, "channel_name": self.world.channels[channel].get("name", "directmessage"),
            "api_app_id": APP, "trigger_id": self.world.new_ts(), "response_url": f"{self.web.base}/response/slash",
        }, answers=True)  # fmt: skip

    def event(self, event: Thing, *, event_id: str = "") -> Envelope:
        """Any event of the Events API."""
        return self.socket.send("events_api", {
            "token": "none", "team_id": TEAM, "api_app_id": APP, "type": "event_callback", "event": event,
            "event_id": event_id or self.world.new_id("Ev"), "event_time": int(time.time()),
            "is_ext_shared_channel": False,
            "authorizations": [
                {"enterprise_id": None, "team_id": TEAM, "user_id": BOT, "is_bot": True, "is_enterprise_install": False}
            ],
        })  # fmt: skip

    # -- what the app hears of what it did itself ----------------------------------------------

    def _done(self, method: str, _: Caller, answer: Thing) -> None:
        if method == "chat.postMessage":
            self._tell(answer["channel"], {**answer["message"], "bot_id": BOT_ID})

    def _tell(self, channel: str, message: Thing) -> None:
        place = self.world.channels[channel]
        if BOT not in place["members"]:
            return
        kind = "im" if place["is_im"] else "group" if place["is_private"] else "channel"
        event = {**message, "channel": channel, "channel_type": kind, "event_ts": message["ts"]}
        self.event(event)
        if f"<@{BOT}>" in str(message.get("text")) and kind != "im":
            self.event({**event, "type": "app_mention"})


@contextmanager
def running(*, ack_seconds: float = 3.0) -> Iterator[Slack]:
    slack = Slack(ack_seconds=ack_seconds)
    try:
        yield slack
    finally:
        slack.stop()
