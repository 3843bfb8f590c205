"""The assistant pane: what it offers when it is opened. Each suggestion is answered without a model."""

from __future__ import annotations

import logging

import msgspec

from meshclaw.connectors.slack.client import Client
from meshclaw.errors import MeshClawError

log = logging.getLogger(__name__)

TITLE = "Ask your claw"
SUGGESTED = {
    "What needs me?": "what needs me today?",
    "What waits for my yes?": "what waits for my yes?",
    "What did you do?": "what did you do today?",
    "What did it cost?": "how much did you cost today?",
}
"""By what the button says; Slack shows four at most."""


class _Done(msgspec.Struct, frozen=True):
    pass


def suggest(client: Client, channel: str, thread: str) -> None:
    prompts = [{"title": title, "message": message} for title, message in SUGGESTED.items()]
    try:
        client.write(
            "assistant.threads.setSuggestedPrompts", _Done,
            {"channel_id": channel, "thread_ts": thread, "title": TITLE, "prompts": prompts},
        )  # fmt: skip
    except MeshClawError as error:
        log.info("Nothing can be suggested in the pane: %s", error.message)
