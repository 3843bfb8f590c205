"""The agents that come with MeshClaw."""

from __future__ import annotations

from meshclaw.errors import UserError
from meshclaw.flow.agent import Agent
from meshclaw.flow.grant import Rights
from meshclaw.flow.limits import Limits, RunWindow, Window

MAIL_TRIAGE = Agent(
    name="mail-triage", version="1", owner="meshclaw",
    purpose="Sorts the inbox: labels what needs you, files what does not, sets aside what is suspicious.",
    intents=frozenset({"mail.triage"}),
    rights=Rights(
        effects=frozenset({"read", "label", "write", "send"}),
        verbs=frozenset({"mail.list", "mail.read", "mail.label", "mail.move", "mail.unsubscribe"}),
    ),
)  # fmt: skip

MAIL_CLERK = Agent(
    name="mail-clerk", version="1", owner="meshclaw",
    purpose="Does single things with mail that a person asks for: file, draft, send, leave a list.",
    intents=frozenset({"mail.file", "mail.write", "mail.unsubscribe"}),
    rights=Rights(
        effects=frozenset({"read", "label", "write", "draft", "send"}),
        verbs=frozenset({"mail.*"}),
    ),
)  # fmt: skip

CLAW = Agent(
    name="claw", version="1", owner="meshclaw",
    purpose="Does what its person asks for in their own words, with the tools it has, and answers their questions.",
    intents=frozenset({"ask"}),
    rights=Rights(
        effects=frozenset({"read", "label", "write", "draft", "send"}),
        verbs=frozenset({"mail.*", "memory.recall", "memory.remember", "slack.*", "mcp.*", "coding.*"}),
    ),
)  # fmt: skip

CODER = Agent(
    name="coder", version="1", owner="meshclaw",
    purpose="Starts coding agents of others for one task each, boxed in, and puts what they made on a branch.",
    intents=frozenset({"code.change"}),
    rights=Rights(effects=frozenset({"write"}), verbs=frozenset({"coding.*"})),
)  # fmt: skip

UNDO = Agent(
    name="undo", version="1", owner="meshclaw",
    purpose="Takes back what another run did, on a person's word.",
    intents=frozenset({"undo"}),
    rights=Rights(
        effects=frozenset({"label", "write"}),
        verbs=frozenset(
            {
                "mail.label", "mail.move", "memory.drop", "slack.delete", "slack.unreact", "slack.remove", "mcp.*",
                "coding.*",
            }
        ),
    ),
)  # fmt: skip

DREAMER = Agent(
    name="dreamer", version="1", owner="meshclaw",
    purpose="Consolidates at night what was said and corrected by day; it changes the memory and touches nothing else.",
    intents=frozenset({"memory.dream"}), rights=Rights(),
    limits=Limits(run=RunWindow(inference=500_000), day=Window(inference=1_000_000)),  # 0.50 and 1 dollar
)  # fmt: skip

AGENTS = {agent.name: agent for agent in (MAIL_TRIAGE, MAIL_CLERK, CLAW, CODER, UNDO, DREAMER)}


def shipped(label: str) -> Agent:
    """The one of that name, whatever its version was. UserError where none that comes with MeshClaw is called so."""
    name = label.partition("@")[0]
    if name not in AGENTS or "+" in label:
        raise UserError(f"the agent {label!r} of this run is not installed", fix="Install it and try again.")
    return AGENTS[name]
