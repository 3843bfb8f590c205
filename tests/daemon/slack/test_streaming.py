"""An answer shows while it comes, but no claim of a deed does; its end takes the place of all of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshclaw.daemon.slack import turns
from meshclaw.daemon.slack.kept import Turn
from meshclaw.daemon.slack.saying import UNKNOWN
from meshclaw.daemon.slack.streaming import Stream, speakable
from meshclaw.flow.conversation import Prompt, Reply, Said
from meshclaw.flow.usage import Tokens
from meshclaw.settings.slack import Workspace
from meshclaw.testing.model import FakeModel
from tests.daemon.slack.conftest import at_work, client_of, direct, said, until
from tests.servers.slack import ME, Fault, Slack


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "Stream", lambda *given: Stream(*given, every_s=0.02))


class Slow(FakeModel):
    """Says its pieces one by one, waiting for ``go`` after each."""

    def __init__(self, *pieces: str, after: Callable[[int], None]) -> None:
        super().__init__(name="anthropic:claude-haiku-4-5")
        self._pieces, self._after = pieces, after

    def ask(self, prompt: Prompt, *, limit: int, heard: Callable[[str], None] | None = None) -> Reply:
        self.prompts.append(prompt)
        for number, piece in enumerate(self._pieces):
            if heard is not None:
                heard(piece)
            self._after(number)
        return Reply(
            said=Said(text="".join(self._pieces)), tokens=Tokens(input_uncached=1, output=1),
            model="claude-haiku-4-5", provider="anthropic",
        )  # fmt: skip


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, slack: Slack) -> Callable[..., Slow]:
    from meshclaw.llm.failover import Health
    from meshclaw.llm.source import Source
    from meshclaw.settings.models import Entry
    from meshclaw.wiring import Claw

    def make(*pieces: str, shown: dict[int, str]) -> Slow:
        """``shown``: what must stand in Slack before the model says the piece after that number."""

        def after(number: int) -> None:
            if number in shown:
                until(lambda: [one for one in said(slack, direct(slack)) if one["text"] == shown[number]], 5)
            else:
                time.sleep(0.1)  # long enough to be shown

        model = Slow(*pieces, after=after)
        entry = Entry(name=model.name, model=model.name)
        monkeypatch.setattr(Claw, "source", lambda _, name: Source(name, [entry], [model], Health()))
        return model

    return make


def final(slack: Slack) -> dict:
    return until(lambda: [one for one in said(slack, direct(slack)) if one.get("metadata")])[0]


def test_it_shows_while_it_comes_and_ends_as_one_message(
    workspace: Workspace, home: Path, slack: Slack, slow: Callable[..., Slow]
) -> None:
    slow(
        "Kim wants the minutes. ", "Bo wants nothing. ", "That is all.",
        shown={0: "Kim wants the minutes.", 1: "Kim wants the minutes. Bo wants nothing."},
    )  # fmt: skip
    with at_work(workspace, home, slack):
        slack.say(direct(slack), ME, "who wants what there?")
        answer = final(slack)
        until(lambda: answer.get("streaming") is False)
    assert answer["text"] == "Kim wants the minutes. Bo wants nothing. That is all."
    assert len(said(slack, direct(slack))) == 1


@pytest.mark.parametrize("fault", [Fault("error", code="unknown_method"), Fault("rate", seconds=1)], ids=str)
def test_where_there_are_no_streams_one_message_is_changed(
    workspace: Workspace, home: Path, slack: Slack, slow: Callable[..., Slow], fault: Fault
) -> None:
    slack.faults.add("chat.startStream", fault)
    slow("Kim wants the minutes. ", "That is all.", shown={0: "Kim wants the minutes."})
    with at_work(workspace, home, slack):
        slack.say(direct(slack), ME, "who wants what there?")
        answer = final(slack)
    assert answer["text"] == "Kim wants the minutes. That is all."
    assert len(said(slack, direct(slack))) == 1


@pytest.mark.parametrize(
    "method", ["chat.startStream", "chat.appendStream", "chat.stopStream", "chat.update"]
)
@pytest.mark.parametrize(
    "fault", [Fault("drop", done=True), Fault("drop"), Fault("status", done=True)], ids=str
)
def test_a_stream_that_breaks_off_still_ends_as_one_message(  # noqa: PLR0917
    workspace: Workspace, home: Path, slack: Slack, slow: Callable[..., Slow], method: str, fault: Fault
) -> None:
    slack.faults.add(method, fault)
    slow("Kim wants the minutes. ", "Bo wants nothing. ", "That is all.", shown={})
    with at_work(workspace, home, slack):
        slack.say(direct(slack), ME, "who wants what there?")
        answer = final(slack)
        assert slack.calls("chat.startStream")
        until(lambda: answer["text"] == "Kim wants the minutes. Bo wants nothing. That is all.")
    assert len(said(slack, direct(slack))) == 1


def test_the_pieces_are_held_back_from_a_claim_on(workspace: Workspace, slack: Slack) -> None:
    place = direct(slack)
    ts = slack.world.add(place, {"user": ME, "text": "hi"})["ts"]
    turn = Turn(key="k", how="direct", channel=place, thread=ts, said_in=place, ts=ts, text="", at=0)
    begun: list[str] = []
    stream = Stream(client_of(workspace), turn, begun.append, every_s=0.01)
    stream.hear("I looked. I sent the mail to Kim. It is fine now. ")
    until(lambda: said(slack, place))
    time.sleep(0.1)
    stream.end()
    assert [one["text"] for one in said(slack, place)] == ["I looked."]
    assert begun == [UNKNOWN, said(slack, place)[0]["ts"]]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Two mails wait. Kim", "Two mails wait."), ("No end yet", ""), ("I sent it. ", ""),
        ("Fine. The mail was sent to Kim. ", "Fine."), ("v1.2 is out. ", "v1.2 is out."),
        ("A list:\n- one\n- two", "A list:\n- one\n"), ("I did not send it. ", "I did not send it."),
    ],
)  # fmt: skip
def test_only_whole_sentences_that_claim_no_deed_are_shown(text: str, shown: str) -> None:
    assert speakable(text) == shown
