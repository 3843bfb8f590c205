"""The real slack_bolt talks to our Slack: a server of ours that only our own client understood would prove nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Self

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient

from tests.servers.slack import APP_TOKEN, BOT, BOT_TOKEN, ME, Slack, running


@pytest.fixture
def slack() -> Iterator[Slack]:
    with running(ack_seconds=0.3) as slack:
        yield slack


class Bolt:
    def __init__(self, slack: Slack) -> None:
        self.heard: list[tuple[str, str]] = []
        self.app = App(client=WebClient(BOT_TOKEN, base_url=slack.api), token_verification_enabled=True)
        self.app.event("app_mention")(self._mention)
        self.app.event("message")(lambda event: self.heard.append(("message", event["text"])))
        self.app.action("yes")(self._click)
        self.app.command("/claw")(self._slash)
        self.handler = SocketModeHandler(self.app, APP_TOKEN)
        self.slack = slack

    def _mention(self, event, say) -> None:
        self.heard.append(("mention", event["text"]))
        say(text="on it", thread_ts=event["ts"])

    def _click(self, ack, body) -> None:
        ack()
        self.heard.append(("click", body["actions"][0]["value"]))

    def _slash(self, ack, command) -> None:
        ack(text=f"you said {command['text']}")

    def __enter__(self) -> Self:
        self.handler.connect()
        assert self.slack.socket.connected()
        return self

    def __exit__(self, *_: object) -> None:
        self.handler.close()

    def has(self, kind: str) -> bool:
        done = threading.Event()
        return any(kind in dict(self.heard) or done.wait(0.02) for _ in range(500))


def test_a_mention_is_heard_acknowledged_and_answered_in_its_thread(slack: Slack) -> None:
    channel = slack.world.channel("deploys", members=[ME])
    with Bolt(slack) as bolt:
        ts = slack.say(channel, ME, f"<@{BOT}> roll it out")
        assert bolt.has("mention")
        assert slack.socket.wait(lambda: all(one.acked for one in slack.socket.envelopes))
    replies = [
        one for one in slack.world.messages[channel] if one.get("thread_ts") == ts and one["user"] == BOT
    ]
    assert [one["text"] for one in replies] == ["on it"]


def test_a_click_and_a_slash_command_with_its_answer(slack: Slack) -> None:
    channel = slack.world.channel("deploys", members=[ME])
    ts = slack.world.add(channel, {"user": BOT, "text": "roll it out?"})["ts"]
    with Bolt(slack) as bolt:
        click = slack.click(ME, channel, ts, {"action_id": "yes", "value": "run:digest"})
        slash = slack.slash(ME, channel, "/claw", "status")
        assert slack.socket.acked(click)
        assert slack.socket.acked(slash)
        assert bolt.has("click")
    assert ("click", "run:digest") in bolt.heard
    assert slash.answer == {"text": "you said status"}


def test_after_a_disconnect_it_comes_again_and_hears_what_it_missed(slack: Slack) -> None:
    channel = slack.world.channel("deploys", members=[ME])
    with Bolt(slack) as bolt:
        slack.socket.disconnect()
        assert slack.socket.wait(lambda: slack.socket.opened == 2)
        slack.say(channel, ME, "still there?")
        assert bolt.has("message")


def test_an_envelope_that_nobody_acknowledged_is_sent_again_with_its_number(slack: Slack) -> None:
    channel = slack.world.channel("deploys", members=[ME])
    with Bolt(slack) as bolt:
        slack.socket.muted = True
        slack.say(channel, ME, "hello")
        [envelope] = slack.socket.envelopes
        slack.socket.muted = False
        slack.socket.again(envelope)
        assert slack.socket.acked(envelope)
        assert bolt.has("message")
    assert envelope.attempt == 1
