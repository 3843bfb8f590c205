"""Entries 62 to 66: who speaks, and with whose rights."""

from __future__ import annotations

from collections.abc import Iterator

from meshclaw.flow.agent import Agent
from meshclaw.flow.grant import Rights
from tests.guard.catalogue.case import Chapter
from tests.guard.catalogue.stage import KIM, Happened, Stage

CHAPTER = Chapter("Identity and transport", [])
SLACK = "src/meshclaw/daemon/slack.py"
OAUTH = "src/meshclaw/connectors/slack/oauth.py"

CHAPTER.waits(62, "A webhook that is forged, replayed or late", open="There is no webhook yet (issue 6).",
              until="src/meshclaw/triggers/webhook.py")  # fmt: skip
CHAPTER.waits(
    63, "Slack delivers an event again", open="Nothing listens to Slack yet (issue 6).", until=SLACK
)
CHAPTER.waits(64, "An event of another workspace, or of the bot itself", open="Nothing listens to Slack yet (issue 6).",
              until=SLACK)  # fmt: skip
CHAPTER.waits(65, "OAuth: more scopes than granted, another audience, a token after somebody left",
              open="Nothing signs in by OAuth yet (issue 6).", until=OAUTH)  # fmt: skip


@CHAPTER.case(66, "A sub-agent with all the rights of the run that started it, or more",
              open="What it uses counts on that run; its rights are those of its own agent and intent. Nothing starts "
              "sub-agents yet (issue 6).", see="Sub-agents")  # fmt: skip
def inherited(stage: Stage) -> Iterator[Happened]:
    few = Rights(effects=frozenset({"read"}), verbs=frozenset({"mail.*"}))
    reader = Agent(
        name="reader", version="1", purpose="", owner="us", rights=few, intents=frozenset({"office.help"})
    )
    office = stage.office()
    parent = office.asked("Read my mails.", agent=reader)
    child = office.asked(f"Send a mail to {KIM}.", parent=parent.run.id)
    assert child.sends(KIM).how == "allowed", "it is held to its parent's rights now: say so in the table"
    yield from ()
