"""What a model may call Slack's verbs with, and how it is told."""

from __future__ import annotations

from typing import cast

import msgspec

from meshclaw.connectors.slack.markup import MOST
from meshclaw.flow.action import Value
from meshclaw.flow.conversation import Tool

_CHANNEL = {"type": "string", "description": "short name, as in c1"}
_MESSAGE = {"type": "string", "description": "short name, as in s1"}
_TEXT = {
    "type": "string", "maxLength": MOST,
    "description": "plain; @p1 mentions a person who has that short name; @channel and @here only if it was asked for",
}  # fmt: skip
_NAMED = {"type": "string", "description": "words of the name, as they were said"}


class Channels(msgspec.Struct, forbid_unknown_fields=True):
    named: str = ""


class Named(msgspec.Struct, forbid_unknown_fields=True):
    named: str


class Read(msgspec.Struct, forbid_unknown_fields=True):
    channel: str
    thread: str = ""
    before: str = ""


class Search(msgspec.Struct, forbid_unknown_fields=True):
    words: str


class Post(msgspec.Struct, forbid_unknown_fields=True):
    channel: str
    text: str


class Reply(msgspec.Struct, forbid_unknown_fields=True):
    message: str
    text: str


class Direct(msgspec.Struct, forbid_unknown_fields=True):
    person: str
    text: str


class React(msgspec.Struct, forbid_unknown_fields=True):
    message: str
    emoji: str


class Upload(msgspec.Struct, forbid_unknown_fields=True):
    channel: str
    name: str
    text: str


class Download(msgspec.Struct, forbid_unknown_fields=True):
    file: str


def _object(required: str, **properties: object) -> dict[str, Value]:
    return {
        "type": "object", "properties": cast("Value", properties), "required": required.split(),
        "additionalProperties": False,
    }  # fmt: skip


TOOLS = (
    Tool(
        verb="slack.channels", words="List the channels; those of a name first.",
        schema=_object("", named={"type": "string"}),
    ),
    Tool(verb="slack.people", words="Look up colleagues by name.", schema=_object("named", named=_NAMED)),
    Tool(
        verb="slack.outsiders", words="Look up guests and people of other organisations by name.",
        schema=_object("named", named=_NAMED),
    ),
    Tool(
        verb="slack.read", words="Read a channel's newest messages, or a thread.",
        schema=_object(
            "channel", channel=_CHANNEL, thread={**_MESSAGE, "description": "a message, for its thread instead"},
            before={**_MESSAGE, "description": "a message, for those before it"},
        ),
    ),
    Tool(
        verb="slack.search", words="Search messages for words.",
        schema=_object("words", words={"type": "string"}),
    ),
    Tool(verb="slack.post", words="Post to a channel.", schema=_object("channel text", channel=_CHANNEL, text=_TEXT)),
    Tool(
        verb="slack.reply", words="Answer a message, in its thread.",
        schema=_object("message text", message=_MESSAGE, text=_TEXT),
    ),
    Tool(
        verb="slack.dm", words="Send somebody a direct message.",
        schema=_object("person text", person={"type": "string", "description": "short name, as in p1"}, text=_TEXT),
    ),
    Tool(
        verb="slack.react", words="React to a message.",
        schema=_object("message emoji", message=_MESSAGE, emoji={"type": "string", "description": "as in eyes"}),
    ),
    Tool(
        verb="slack.upload", words="Put a text file into a channel.",
        schema=_object("channel name text", channel=_CHANNEL, name={"type": "string"}, text={"type": "string"}),
    ),
    Tool(
        verb="slack.download", words="Fetch a file; its text is shown.",
        schema=_object("file", file={"type": "string", "description": "short name, as in f1"}),
    ),
)  # fmt: skip
