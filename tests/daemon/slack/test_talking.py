"""What the person says in Slack is asked, once; the answer comes back, once; nobody else counts."""

from __future__ import annotations

from meshclaw.testing.model import FakeModel
from tests.daemon.slack.conftest import Running, direct, said, until
from tests.servers.slack import ME, Slack


def test_a_direct_message_is_answered_in_its_thread(claw: Running, slack: Slack, model: FakeModel) -> None:
    model.answers.append("Kim wants the *minutes*.")
    ts = slack.say(direct(slack), ME, "what does Kim want?")
    [answer] = until(lambda: [one for one in said(slack, direct(slack)) if one.get("metadata")])
    assert (answer["text"], answer["thread_ts"]) == ("Kim wants the *minutes*.", ts)
    assert model.prompts[0].turns[0].text == "what does Kim want?"  # type: ignore[union-attr]
