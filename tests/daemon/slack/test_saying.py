"""Each message to the person goes out once, whatever breaks off on the way; and nothing in it is more than text."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.daemon.slack.kept import Kept, Post
from meshclaw.daemon.slack.saying import PIECE, PIECES, Mouth, mrkdwn, pieces
from meshclaw.errors import NotReachable
from meshclaw.flow.event.run import RunStarted
from meshclaw.settings.slack import Workspace
from meshclaw.testing.model import FakeModel
from meshclaw.wiring import open_claw
from tests.daemon.slack.conftest import at_work, client_of, direct, said, until
from tests.servers.slack import ME, Fault, Slack

ROOT = Path(__file__).parents[3]
FAULTS = [
    Fault("drop", done=True), Fault("drop"), Fault("status", done=True), Fault("status"), Fault("garbage", done=True),
    Fault("garbage"), Fault("rate", seconds=0), Fault("error", code="fatal_error", done=True),
]  # fmt: skip


@pytest.fixture
def kept(home: Path, workspace: Workspace) -> Iterator[Kept]:
    kept = Kept(home, workspace.team)
    yield kept
    kept.close()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_an_answer_that_breaks_off_is_there_once(
    workspace: Workspace, kept: Kept, slack: Slack, fault: Fault
) -> None:
    mouth = Mouth(client_of(workspace), kept)
    slack.faults.add("chat.postMessage", fault)
    one = Post(op="a1", channel=mouth.direct(), text="Done.")
    for _ in range(3):
        try:
            mouth.say(one)
        except NotReachable:
            continue
    assert [message["text"] for message in said(slack, direct(slack))] == ["Done."]
    assert kept.unsaid() == []


def test_killed_between_the_post_and_its_record_it_is_found_again(
    workspace: Workspace, kept: Kept, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    mouth = Mouth(client_of(workspace), kept)
    with monkeypatch.context() as killing:
        killing.setattr(Kept, "said", kill)
        with pytest.raises(Killed):
            mouth.say(Post(op="a1", channel=mouth.direct(), text="Done."))
    assert [one.op for one in kept.unsaid()] == ["a1"]
    Mouth(client_of(workspace), kept).recover()
    assert [message["text"] for message in said(slack, direct(slack))] == ["Done."]
    assert kept.unsaid() == []


def test_what_slack_refuses_for_good_holds_up_nothing(workspace: Workspace, kept: Kept, slack: Slack) -> None:
    mouth = Mouth(client_of(workspace), kept)
    slack.faults.add("chat.postMessage", Fault("error", code="is_archived"))
    assert mouth.say(Post(op="a1", channel=mouth.direct(), text="One.")) == ""
    assert mouth.say(Post(op="a2", channel=mouth.direct(), text="Two.")) != ""
    assert kept.unsaid() == []


def test_an_answer_that_was_not_said_when_the_daemon_ended_is_said_by_the_next(
    workspace: Workspace, home: Path, slack: Slack, model: FakeModel
) -> None:
    model.answers.append("The minutes.")
    with at_work(workspace, home, slack) as running:
        slack.faults.add("chat.postMessage", Fault("status", times=1000))
        slack.say(direct(slack), ME, "what does Kim want?")
        until(lambda: running.standing[running.speaker.name].state == "waiting")
    assert said(slack, direct(slack)) == []
    slack.faults._left.clear()
    with at_work(workspace, home, slack):
        until(lambda: said(slack, direct(slack)))
    assert [one["text"] for one in said(slack, direct(slack))] == ["The minutes."]
    assert len(model.prompts) == 1


def test_what_was_heard_and_not_begun_is_begun_by_the_next(
    workspace: Workspace, home: Path, slack: Slack, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as deaf:
        deaf.setattr("meshclaw.daemon.slack.speaking.Speaker.put", lambda *_: None)
        with at_work(workspace, home, slack):
            slack.say(direct(slack), ME, "what does Kim want?")
            assert slack.socket.wait(lambda: all(one.acked for one in slack.socket.envelopes))
    model.answers.append("The minutes.")
    with at_work(workspace, home, slack):
        until(lambda: said(slack, direct(slack)))
    assert [one["text"] for one in said(slack, direct(slack))] == ["The minutes."]


def test_a_claw_that_is_killed_in_the_middle_answers_after_its_next_start(
    workspace: Workspace, home: Path, slack: Slack, model: FakeModel
) -> None:
    command = [sys.executable, "-m", "tests.daemon.slack.killed", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert slack.socket.connected()
        ts = slack.say(direct(slack), ME, "what is in my inbox?")
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.kill()
    model.answers.append("Nothing is in it.")
    until(lambda: not slack.socket.connections)
    with at_work(workspace, home, slack):
        until(lambda: said(slack, direct(slack)))
    [answer] = said(slack, direct(slack))
    assert (answer["text"], answer["thread_ts"]) == ("Nothing is in it.", ts)
    [prompt] = model.prompts  # the step before the kill is not asked for again
    assert len(prompt.turns) > 1
    with open_claw() as claw:
        assert len(list(claw.ledger.events(RunStarted))) == 1


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[Sign in](https://evil.example)", "Sign in (https://evil.example)"),
        ("![](https://evil.example/p.png)", "https://evil.example/p.png"),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("<!channel> <@U1> <https://evil.example|bank>", "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|bank&gt;"),
        ("# Head\n**bold** & more", "*Head*\n*bold* &amp; more"),
    ],
)  # fmt: skip
def test_a_models_markdown_shows_where_links_lead_and_rings_nobody(written: str, shown: str) -> None:
    assert mrkdwn(written) == shown


@given(st.text(alphabet="ab \n", min_size=1, max_size=4 * PIECE))
def test_pieces_lose_no_letter_and_fit(text: str) -> None:
    found = list(pieces(text))
    assert all(0 < len(one) <= PIECE for one in found)
    if text.strip():
        assert "".join("".join(found).split()) == "".join(text.split())


def test_what_is_far_too_long_says_what_is_left_out() -> None:
    found = list(pieces("x" * PIECE * 10))
    assert len(found) == PIECES
    assert found[-1].endswith(f"({PIECE * (10 - PIECES):,} characters more)")
