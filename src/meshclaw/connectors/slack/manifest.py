"""What the Slack connector can do: pure data, importable without slack_sdk.

A channel or a person is named by an address that no other workspace has (``C0123@acme.slack.com``), so what a person
approved means one place. Whoever reads it from outside the company is a destination of its own (``outside``): the
person must have spoken of outsiders, or they are asked. What members write is internal; display names, topics and
messages are free text, by anyone where a guest, an app or another organisation can have written them.
"""

from __future__ import annotations

from meshclaw.flow.declaration import Argument, Declaration, Field

_CHANNEL = Argument("destination", "channel.id")
_USER = Argument("destination", "user.id")
_OUTSIDE = Argument("destination", "organisation.id", required=False)
"""Others who would read it: organisations that share the channel, a guest. Left out where there are none."""
_MESSAGE = Argument("reference", "message.ref")
_TEXT = Argument("text")
_LOUD = {
    "mentions": Argument("destination", "user.id", required=False),
    "everyone": Argument(
        "destination", "audience", required=False
    ),  # "@channel", as the person must have written it
}
_OUTSIDERS = tuple("outside outsiders external externally partner partners guest guests shared".split())

_BY_SLACK = Field("structured", writer="system")
_WHO_ELSE = Field("structured", "organisation.id", "system", words=_OUTSIDERS)
_PLACE = {
    "id": Field("structured", "channel.id", "system"),
    "name": Field("structured", "name", "member"),
    "outside": _WHO_ELSE,
    "private": _BY_SLACK,
    "joined": _BY_SLACK,
    "topic": Field("free_text", "message", "member", "internal"),
    "shared_topic": Field("free_text", "message", "anyone", "internal"),
}
_PERSON = {
    "id": Field("structured", "user.id", "system"),
    "name": Field("structured", "name", "system"),
    "outside": _WHO_ELSE,
    "real_name": Field("free_text", "name", "member"),
    "shown_as": Field("free_text", "message", "member"),  # anybody may call themselves "general"
    "title": Field("free_text", "message", "member"),
    "strange_name": Field("free_text", "name", "anyone"),
}
_POSTED = {"ref": Field("structured", "message.ref", "system")}
_SAID = {
    **_POSTED,
    "thread": Field("structured", "message.ref", "system"),
    "channel": Field("structured", "channel.id", "system"),
    "place": Field("structured", "channel", "member"),
    "outside": _WHO_ELSE,
    "author": Field("structured", "user.id", "system"),
    "by": Field("structured", "user", "system"),
    "time": Field("structured", "time", "system"),
    "replies": _BY_SLACK,
    "text": Field("free_text", "message", "member", "internal"),
    "foreign_text": Field("free_text", "message", "anyone", "internal"),
    "files.id": Field("structured", "file.id", "system"),
    "files.name": Field("free_text", "message", "anyone"),
    "files.size": Field("structured", "size", "system"),
}
_FILE = {
    "id": Field("structured", "file.id", "system"),
    "name": Field("free_text", "message", "anyone"),
    "kind": _BY_SLACK,
    "size": Field("structured", "size", "system"),
    "path": _BY_SLACK,
    "text": Field("free_text", "message", "anyone", "internal"),
}
_NOTE = (
    "message",
    "note",
    "channel",
    "slack",
    "post",
    "update",
    "question",
    "announcement",
    "reminder",
    "summary",
)

_ALL = (
    Declaration(
        verb="slack.channels", effect="read", reversible=True, words="List the channels", arguments={}, deed="read",
        objects=("channel",), results=_PLACE,
    ),
    Declaration(
        verb="slack.people", effect="read", reversible=True, words="Look up colleagues in Slack",
        arguments={"named": _TEXT}, deed="read", objects=("colleague", "user"), results=_PERSON,
    ),
    Declaration(
        verb="slack.outsiders", effect="read", reversible=True,
        words="Look up guests and people of other organisations in Slack", arguments={"named": _TEXT}, deed="read",
        objects=("guest", "user"), results=_PERSON,
    ),
    Declaration(
        verb="slack.read", effect="read", reversible=True, words="Read a channel or a thread",
        arguments={
            "channel": Argument("reference", "channel"),  # its name: as the person says it
            "thread": Argument("reference", "message.ref", required=False),
            "before": Argument("reference", "message.ref", required=False),
        },
        deed="read", objects=("channel", "thread", "message"), results=_SAID,
    ),
    Declaration(
        verb="slack.search", effect="read", reversible=True, words="Search what you may see in Slack",
        arguments={"words": _TEXT}, deed="read", objects=("message",), results=_SAID,
    ),
    Declaration(
        verb="slack.post", effect="send", reversible=False, words="Post to a Slack channel",
        arguments={"channel": _CHANNEL, "text": _TEXT, "outside": _OUTSIDE, **_LOUD}, deed="send", objects=_NOTE,
        results=_POSTED,
    ),
    Declaration(
        verb="slack.reply", effect="send", reversible=False, words="Answer in a Slack thread",
        arguments={"channel": _CHANNEL, "message": _MESSAGE, "text": _TEXT, "outside": _OUTSIDE, **_LOUD}, deed="send",
        objects=("reply", "answer", "thread", *_NOTE), results=_POSTED,
    ),
    Declaration(
        verb="slack.dm", effect="send", reversible=False, words="Send somebody a direct message in Slack",
        arguments={"user": _USER, "text": _TEXT, "outside": _OUTSIDE}, deed="send", objects=("dm", *_NOTE),
        results=_POSTED,
    ),
    Declaration(
        verb="slack.react", effect="send", reversible=True, words="React to a Slack message with an emoji",
        arguments={"channel": _CHANNEL, "message": _MESSAGE, "emoji": _TEXT, "outside": _OUTSIDE}, deed="react",
        objects=("reaction", "emoji", "message"),
    ),
    Declaration(
        verb="slack.upload", effect="send", reversible=False, words="Put a file into a Slack channel",
        arguments={"channel": _CHANNEL, "name": _TEXT, "text": _TEXT, "outside": _OUTSIDE}, deed="send",
        objects=("file", "document", "report", "list", *_NOTE), results={"file": Field("structured", "file.id",
        "system")},
    ),
    Declaration(
        verb="slack.download", effect="read", reversible=True, words="Fetch a file from Slack onto this machine",
        arguments={"file": Argument("reference", "file.id")}, deed="read", objects=("file",), results=_FILE,
    ),
    # Ways back. A message that was read stays read; what is taken back can be posted again.
    Declaration(
        verb="slack.delete", effect="write", reversible=True, words="Take back a message that the claw posted",
        arguments={"message": _MESSAGE}, deed="delete", objects=_NOTE,
    ),
    Declaration(
        verb="slack.unreact", effect="write", reversible=True, words="Take back a reaction of the claw",
        arguments={"message": _MESSAGE, "emoji": _TEXT}, deed="delete", objects=("reaction", "emoji"),
    ),
    Declaration(
        verb="slack.remove", effect="write", reversible=True, words="Take back a file that the claw uploaded",
        arguments={"file": Argument("reference", "file.id")}, deed="delete", objects=("file",),
    ),
)  # fmt: skip

DECLARATIONS = {declaration.verb: declaration for declaration in _ALL}
UNDO = ("slack.delete", "slack.unreact", "slack.remove")
"""Verbs that only take back what the claw did itself."""
