"""The socket: dead ones are noticed and opened again, what was missed is read back once, one claw per app listens."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.daemon.slack.frames import MOST, PING, TEXT, Frame, Frames
from meshclaw.daemon.slack.link import Link, open_link
from meshclaw.daemon.slack.listening import ALIVE
from meshclaw.errors import Garbled, NotReachable, Refused
from meshclaw.settings.slack import Workspace
from meshclaw.testing.model import FakeModel
from tests.daemon.slack.conftest import Running, at_work, client_of, direct, said, until
from tests.servers.slack import BOT, ME, Fault, Slack


def told(slack: Slack) -> list[str]:
    return [one["text"] for one in said(slack, direct(slack))]


def lose(slack: Slack) -> None:
    """What Slack did not deliver in time, it does not deliver any more."""
    slack.socket.envelopes.clear()


def test_a_socket_that_breaks_off_is_opened_again(claw: Running, slack: Slack, model: FakeModel) -> None:
    model.answers.append("Still here.")
    slack.socket.cut()
    until(lambda: slack.socket.opened == 2 and slack.socket.connected())
    slack.say(direct(slack), ME, "are you there still?")
    until(lambda: told(slack))


def test_a_socket_that_slack_refreshes_is_opened_again_without_a_word(claw: Running, slack: Slack) -> None:
    until(lambda: claw.standing[claw.listener.name].state == "ready")
    slack.socket.disconnect("warning")
    until(lambda: slack.socket.opened >= 2 and slack.socket.connected())
    time.sleep(0.2)
    assert not [one for name, one in claw.seen if name == claw.listener.name and one.state == "waiting"]


def test_socket_mode_turned_off_is_told_and_not_tried_again(claw: Running, slack: Slack) -> None:
    slack.socket.disconnect("link_disabled")
    until(lambda: claw.standing[claw.listener.name].state == "ended")
    assert "Socket Mode was turned off" in claw.standing[claw.listener.name].words


def test_a_dead_hour_is_told_and_what_was_missed_is_read_back_once(
    claw: Running, slack: Slack, model: FakeModel
) -> None:
    model.answers.append("First.")
    thread = slack.say(direct(slack), ME, "do the first")
    until(lambda: told(slack) == ["First."])
    channel = slack.world.channel("deploys", members=[ME])
    slack.faults.add("apps.connections.open", Fault("status", times=1000))
    slack.socket.cut()
    until(
        lambda: "apps.connections.open (status 500). Trying again" in claw.standing[claw.listener.name].words
    )
    claw.speaker.kept.mark(ALIVE, f"{time.time() - 3600:.0f}")
    kim = slack.world.user("kim")
    slack.say(direct(slack), ME, "do the second")
    slack.say(direct(slack), ME, "do the third", thread=thread)
    slack.say(channel, ME, f"<@{BOT}> do the fourth")
    slack.say(channel, ME, "not meant for the claw")
    slack.say(channel, kim, f"<@{BOT}> not allowed")
    lose(slack)
    model.answers += [lambda prompt: f"Did {prompt.turns[-1].text}."] * 3  # type: ignore[union-attr,list-item]
    slack.faults._left.clear()
    until(lambda: len([one for one in told(slack) if one.startswith("Did ")]) == 3)
    slack.socket.cut()  # and once more: what was read back is not read again
    until(lambda: slack.socket.opened > 2 and slack.socket.connected())
    time.sleep(0.3)
    assert sorted(one for one in told(slack) if one.startswith("Did ")) == [
        "Did do the fourth.", "Did do the second.", "Did do the third.",
    ]  # fmt: skip


def test_what_another_claw_answered_is_not_answered_again(
    workspace: Workspace, home: Path, slack: Slack, model: FakeModel
) -> None:
    with at_work(workspace, home, slack) as running:
        until(lambda: running.standing[running.listener.name].state == "ready")
        running.speaker.kept.mark(ALIVE, f"{time.time() - 600:.0f}")
    ts = slack.say(direct(slack), ME, "do it")
    slack.world.add(direct(slack), {"user": BOT, "text": "Done, by another claw.", "thread_ts": ts})
    lose(slack)
    with at_work(workspace, home, slack):
        until(lambda: slack.calls("conversations.list"))
        time.sleep(0.2)
    assert (told(slack), model.prompts) == (["Done, by another claw."], [])


def test_of_two_claws_with_one_token_the_second_steps_back_until_the_first_is_gone(
    workspace: Workspace, home: Path, slack: Slack, model: FakeModel, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    model.answers += ["One."] * 5
    second = Running(workspace, other)
    try:
        with at_work(workspace, home, slack) as first:
            until(lambda: first.standing[first.listener.name].state == "ready")
            second.start()
            until(lambda: second.standing[second.listener.name].state == "waiting")
            assert "Another claw listens with this app's token" in second.standing[second.listener.name].words
            until(lambda: len(slack.socket.connections) == 1)
            for number in range(5):
                slack.say(direct(slack), ME, f"do number {number}")
            until(lambda: len(told(slack)) == 5)
            assert second.speaker.kept.turns("new") == second.speaker.kept.turns("answered") == []
        until(lambda: second.standing[second.listener.name].state == "ready")
    finally:
        second.stop()


# -- one connection ------------------------------------------------------------------------------


class Wire:
    """What a Link needs of slack_sdk's connection, over a pair of sockets."""

    def __init__(self) -> None:
        self.sock, self.other = socket.socketpair()
        self.sent: list[str] = []

    def send(self, payload: str) -> None:
        self.sent.append(payload)

    def ping(self, payload: str) -> None:
        self.sent.append(f"ping {payload}")

    def pong(self, payload: bytes) -> None:
        self.sent.append(f"pong {payload.decode()}")

    def disconnect(self) -> None:
        self.sock.close()
        self.other.close()


@pytest.fixture
def wired() -> Iterator[tuple[Link, Wire]]:
    wire = Wire()
    link = Link(wire, pulse_s=0.02, dead_s=0.1)  # type: ignore[arg-type]
    yield link, wire
    link.close()


def frame(data: bytes, opcode: int = TEXT, *, final: bool = True) -> bytes:
    head = bytes([opcode | (0x80 if final else 0)])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 65536:
        return head + bytes([126]) + len(data).to_bytes(2, "big") + data
    return head + bytes([127]) + len(data).to_bytes(8, "big") + data


def test_a_socket_that_shows_no_life_is_given_up(wired: tuple[Link, Wire]) -> None:
    link, wire = wired
    with pytest.raises(NotReachable, match="silent"):
        while link.receive() is None:
            pass
    assert wire.sent.count("ping meshclaw") >= 2


def test_a_ping_is_answered_and_is_a_sign_of_life(wired: tuple[Link, Wire]) -> None:
    link, wire = wired
    for _ in range(10):
        wire.other.sendall(frame(b"hi", PING))
        assert link.receive() is None
        time.sleep(0.02)
    assert wire.sent.count("pong hi") == 10


def test_an_end_without_a_word_is_noticed_at_once(wired: tuple[Link, Wire]) -> None:
    link, wire = wired
    wire.other.close()
    with pytest.raises(NotReachable, match="ended without a word"):
        link.receive()


@given(
    texts=st.lists(st.binary(max_size=70_000), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 5_000), min_size=1, max_size=5), split=st.booleans(),
)  # fmt: skip
def test_messages_come_whole_however_they_are_cut(texts: list[bytes], cuts: list[int], split: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frames, found = Frames(ours), list[Frame]()
        data = b"\n" + b"".join(
            frame(text[:3], final=False) + frame(b"?", PING) + frame(text[3:], 0) if split else frame(text)
            for text in texts
        )
        number = 0
        while data:
            size = cuts[number % len(cuts)]
            number += 1
            theirs.sendall(data[:size])
            data = data[size:]
            while (one := frames.next(0.0005)) is not None:
                found.append(one)
    assert [one.data for one in found if one.opcode == TEXT] == texts


@pytest.mark.parametrize(
    "data", [b"\x81\xff" + b"x" * 20, b"\x81\x7f" + (MOST + 1).to_bytes(8, "big")], ids=["masked", "too long"]
)
def test_a_frame_that_no_server_sends_ends_the_connection(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        with pytest.raises(Garbled):
            Frames(ours).next(0.1)


@pytest.mark.parametrize(
    "url", ["ws://wss-primary.slack.example/link", "wss://slack.example:80/", "http://["]
)
def test_a_ticket_goes_only_where_nobody_reads_along(
    workspace: Workspace, slack: Slack, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(slack.web, "own", {"apps.connections.open": lambda *_: {"url": url}})
    with pytest.raises((Refused, Garbled)):
        open_link(client_of(workspace))


def test_whoever_did_not_say_who_they_are_is_not_heard(
    workspace: Workspace, home: Path, slack: Slack
) -> None:
    running = Running(msgspec.structs.replace(workspace, me=""), home)
    running.start()
    until(lambda: running.standing[running.listener.name].state == "ended")
    assert "Nobody said who you are" in running.standing[running.listener.name].words
    assert slack.socket.opened == 0
    running.stop()
