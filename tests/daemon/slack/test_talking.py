"""What the person says in Slack is asked, once; the answer comes back, once; nobody else counts."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from meshclaw.agents import planner
from meshclaw.daemon.slack import pane
from meshclaw.flow.conversation import Heard, Prompt, Said
from meshclaw.flow.event.model import AnswerGiven
from meshclaw.flow.event.run import RunStarted
from meshclaw.ledger.ledger import Ledger
from meshclaw.testing.model import FakeModel
from meshclaw.wiring import open_claw
from tests.daemon.slack.conftest import Running, direct, said, until
from tests.servers.slack import BOT, ME, Slack


def answers(slack: Slack, number: int = 1) -> list[dict[str, Any]]:
    """What the claw said for good to its person, once there is so much of it; and that nothing more comes."""

    def told() -> list[dict[str, Any]]:
        return [one for one in said(slack, direct(slack)) if one.get("metadata")]

    until(lambda: len(told()) >= number)
    threading.Event().wait(0.2)
    assert len(told()) == number, told()
    return told()


def runs(claw: Running) -> list[RunStarted]:
    ledger = Ledger(claw.speaker.kept.path.parent)
    try:
        return list(ledger.events(RunStarted))
    finally:
        ledger.close()


def test_a_direct_message_is_answered_in_its_thread(claw: Running, slack: Slack, model: FakeModel) -> None:
    model.answers.append("**Kim** wants [the minutes](https://acme.example/m) & <!channel>.")
    ts = slack.say(direct(slack), ME, "what does &lt;Kim&gt; want?")
    [answer] = answers(slack)
    assert answer["text"] == "*Kim* wants the minutes (https://acme.example/m) &amp; &lt;!channel&gt;."
    assert answer["thread_ts"] == ts
    assert model.prompts[0].turns[0].text == "what does <Kim> want?"  # type: ignore[union-attr]
    [started] = runs(claw)
    assert (started.trigger, started.trust, started.intent) == ("chat", "person", "ask")
    statuses = [one.get("status") or one.get("title") for one in slack.world.statuses]
    assert statuses == ["is thinking…", "what does <Kim> want?"]


def test_what_a_command_answers_needs_no_model(claw: Running, slack: Slack, model: FakeModel) -> None:
    slack.say(direct(slack), ME, "what waits for my yes?")
    [answer] = answers(slack)
    assert "Nothing waits for you." in answer["text"]
    assert "No model needed" in answer["text"]
    assert model.prompts == []


def test_told_twice_it_is_done_once(claw: Running, slack: Slack, model: FakeModel) -> None:
    model.answers.append("Once.")
    slack.say(direct(slack), ME, "hello there")
    [envelope] = [one for one in slack.socket.envelopes if one.payload["event"]["user"] == ME]
    answers(slack)
    slack.socket.again(envelope)
    slack.event(envelope.payload["event"], event_id=envelope.payload["event_id"])
    slack.event(envelope.payload["event"])  # the same message under another id
    assert slack.socket.wait(lambda: all(one.acked for one in slack.socket.envelopes))
    answers(slack)
    assert len(runs(claw)) == 1


def test_a_mention_is_answered_between_the_two_alone(claw: Running, slack: Slack, model: FakeModel) -> None:
    channel = slack.world.channel("deploys", members=[ME])
    model.answers += ["Kim mailed you the salaries.", "Ten."]
    ts = slack.say(channel, ME, f"<@{BOT}> what did Kim mail me?")
    opener, answer = answers(slack, 2)
    assert f"/archives/{channel}/p{ts.replace('.', '')}" in opener["text"]
    assert (answer["text"], answer["thread_ts"]) == ("Kim mailed you the salaries.", opener["ts"])
    assert said(slack, channel) == []
    assert model.prompts[0].turns[0].text == "what did Kim mail me?"  # type: ignore[union-attr]
    slack.say(direct(slack), ME, "and how many?", thread=opener["ts"])
    assert answers(slack, 3)[-1]["thread_ts"] == opener["ts"]


def test_a_slash_command_is_acknowledged_and_answered(claw: Running, slack: Slack, model: FakeModel) -> None:
    model.answers.append("Nothing urgent.")
    channel = slack.world.channel("deploys", members=[ME])
    envelope = slack.slash(ME, channel, "/claw", "is anything urgent there?")
    assert slack.socket.acked(envelope)
    assert envelope.answer == {"text": "On it. The answer comes in our own conversation."}
    assert answers(slack)[0]["text"] == "Nothing urgent."
    kim = slack.world.user("kim")
    refused = slack.slash(kim, channel, "/claw", "send me all mails")
    assert slack.socket.acked(refused)
    assert refused.answer == {"text": "This claw works for somebody else."}
    assert len(runs(claw)) == 1


def test_in_a_thread_one_thing_is_done_after_the_other(claw: Running, slack: Slack, model: FakeModel) -> None:
    slow, seen = threading.Event(), list[str]()

    def first(_: Prompt) -> str:
        seen.append("first begins")
        slow.wait(5)
        seen.append("first ends")
        return "First."

    def second(_: Prompt) -> str:
        seen.append("second begins")
        return "Second."

    model.answers += [first, second]
    ts = slack.say(direct(slack), ME, "do the first")
    until(lambda: seen)
    slack.say(direct(slack), ME, "then the second", thread=ts)
    threading.Event().wait(0.3)
    slow.set()
    assert [one["text"] for one in answers(slack, 2)] == ["First.", "Second."]
    assert seen == ["first begins", "first ends", "second begins"]
    assert {one["thread_ts"] for one in answers(slack, 2)} == {ts}


@pytest.mark.parametrize(
    "more",
    [
        {"subtype": "message_changed"}, {"subtype": "message_deleted"}, {"bot_id": "B0OTHER"}, {"user": BOT},
        {"team": "T0ELSE"}, {"subtype": "bot_message", "user": ""}, {"hidden": True},
    ],
)  # fmt: skip
def test_what_nobody_wrote_as_a_request_is_none(
    claw: Running, slack: Slack, model: FakeModel, more: dict[str, Any]
) -> None:
    place = direct(slack)
    slack.event({
        "type": "message", "channel": place, "channel_type": "im", "user": ME, "text": "pay it", "ts": "1.1", **more,
    })  # fmt: skip
    assert slack.socket.wait(lambda: all(one.acked for one in slack.socket.envelopes))
    threading.Event().wait(0.3)
    assert (runs(claw), model.prompts) == ([], [])


def test_strangers_are_told_once_a_day_and_never_obeyed(
    claw: Running, slack: Slack, model: FakeModel
) -> None:
    kim = slack.world.user("kim")
    theirs = slack.world.direct(kim)
    for text in ("forward me all mails", "please", "!!!"):
        slack.say(theirs, kim, text)
    channel = slack.world.channel("deploys", members=[ME, kim])
    slack.say(channel, kim, f"<@{BOT}> delete everything")
    assert slack.socket.wait(lambda: all(one.acked for one in slack.socket.envelopes))
    until(lambda: said(slack, theirs))
    threading.Event().wait(0.3)
    assert [one["text"] for one in said(slack, theirs)] == [
        "I work for somebody else here, so I do nothing with what you write to me."
    ]
    assert (said(slack, channel), runs(claw), model.prompts) == ([], [], [])


def test_what_cannot_be_done_is_said(claw: Running, slack: Slack, model: FakeModel) -> None:
    (claw.speaker.kept.path.parent / "stop").touch()
    slack.say(direct(slack), ME, "write to Kim")
    [answer] = answers(slack)
    assert "you stopped the claw" in answer["text"]
    assert model.prompts == []


def test_nonsense_on_the_socket_is_acknowledged_and_leaves_it_standing(
    claw: Running, slack: Slack, model: FakeModel
) -> None:
    odd = [
        slack.socket.send("events_api", {"event": "none"}), slack.socket.send("interactive", {"type": 7}),
        slack.socket.send("slash_commands", {"user_id": []}), slack.socket.send("something_new", {}),
        slack.event({"type": "message", "channel": "D1", "user": None}),
    ]  # fmt: skip
    for envelope in odd:
        assert slack.socket.acked(envelope)
    model.answers.append("Still here.")
    slack.say(direct(slack), ME, "hello there")
    answers(slack)


def test_the_pane_offers_what_no_model_is_needed_for(claw: Running, slack: Slack) -> None:
    assert all(planner.plan(message) is not None for message in pane.SUGGESTED.values())
    root = slack.world.add(direct(slack), {"user": BOT, "text": "New thread"})["ts"]
    slack.event({
        "type": "assistant_thread_started",
        "assistant_thread": {"user_id": ME, "channel_id": direct(slack), "thread_ts": root, "context": {}},
    })  # fmt: skip
    [offered] = until(lambda: slack.world.statuses)
    assert [one["message"] for one in offered["prompts"]] == list(pane.SUGGESTED.values())


def test_the_home_tab_shows_the_claw_to_its_person_alone_and_stops_it(
    claw: Running, slack: Slack, model: FakeModel
) -> None:
    kim = slack.world.user("kim")
    for user in (ME, kim):
        slack.event({"type": "app_home_opened", "user": user, "channel": "D1", "tab": "home"})
    until(lambda: {ME, kim} <= slack.world.views.keys())
    assert "Last runs" not in str(slack.world.views[kim])
    mine = slack.world.views[ME]
    assert "Last runs" in str(mine)
    button = mine["blocks"][0]["elements"][0]
    assert button["confirm"]
    press = {
        "type": "block_actions", "team": {"id": "T0ACME"}, "user": {"id": kim, "team_id": "T0ACME"},
        "container": {"type": "view"}, "actions": [{**button, "action_ts": "1.1"}],
    }  # fmt: skip
    stop = claw.speaker.kept.path.parent / "stop"
    assert slack.socket.acked(slack.socket.send("interactive", press))
    assert not stop.exists()
    slack.socket.send("interactive", {**press, "user": {"id": ME, "team_id": "T0ACME"}})
    until(stop.exists)
    until(lambda: "Stopped" in str(slack.world.views[ME]))


def test_what_a_run_answers_later_comes_into_its_thread_once(
    claw: Running, slack: Slack, model: FakeModel
) -> None:
    model.answers.append("It waits for your yes.")
    ts = slack.say(direct(slack), ME, "archive the mail from Kim")
    answers(slack)
    [started] = runs(claw)
    with open_claw() as later:  # as another process does that lets the run go on after an answer to its ask
        [said_] = later.contents.put(["It lies in your archive."])
        later.ledger.record(
            AnswerGiven(run=started.run, intent="ask", agent=started.agent, said=said_, corrected=0)
        )
    assert [(one["text"], one["thread_ts"]) for one in answers(slack, 2)] == [
        ("It waits for your yes.", ts), ("It lies in your archive.", ts),
    ]  # fmt: skip


def test_a_thread_is_one_conversation(claw: Running, slack: Slack, model: FakeModel) -> None:
    model.answers += ["Three.", "The first of them."]
    thread = slack.say(direct(slack), ME, "how many mails are there?")
    answers(slack)
    slack.say(direct(slack), ME, "which is the oldest?", thread=thread)
    answers(slack, 2)
    turns = [one.text for one in model.prompts[1].turns if isinstance(one, Heard | Said)]
    assert turns == ["how many mails are there?", "Three.", "which is the oldest?"]
    first, second = runs(claw)
    assert second.after == first.run
