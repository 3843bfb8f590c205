"""The claw's own voice to its own person: each message goes out once, whatever breaks off.

This is no action of an agent: it goes to nobody but the person, into the conversation of the two. What is to be said
is kept first; each message carries its operation's id, by which it is found again before anything is said anew.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import msgspec

from meshclaw.connectors.slack.client import Client, Page
from meshclaw.connectors.slack.markup import posted
from meshclaw.connectors.slack.once import Metadata, find, metadata, post
from meshclaw.daemon.slack.kept import Kept, Post
from meshclaw.errors import MeshClawError, NotFound, NotReachable, Refused, Uncertain
from meshclaw.flow.action import Value

log = logging.getLogger(__name__)

PIECE = 3_800
"""Characters of one message; Slack refuses to change one to more than 4,000."""
PIECES = 6
UNSAID = "-"
"""In place of a ``ts``: Slack refused it for good."""
UNKNOWN = "?"
"""In place of a stream's ``ts``: it was begun, and nobody wrote down where."""
_LINK = re.compile(r"!?\[([^\]\n]{0,500})\]\(<?([^()\s<>]{1,2000})>?\)")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_HEAD = re.compile(r"^#{1,6} +(.+?)#*$", re.MULTILINE)


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool = True


class _Opened(msgspec.Struct, frozen=True, kw_only=True):
    id: str


class _Direct(msgspec.Struct, frozen=True, kw_only=True):
    channel: _Opened


class _Own(msgspec.Struct, frozen=True, kw_only=True):
    ts: str
    user: str = ""
    metadata: Metadata | None = None


class _Thread(Page, frozen=True, kw_only=True):
    messages: tuple[_Own, ...] = ()


class Mouth:
    def __init__(self, client: Client, kept: Kept) -> None:
        self._client = client
        self._kept = kept

    def direct(self) -> str:
        """The conversation of the claw and its person."""
        if not (channel := self._kept.marked("direct")):
            try:
                opened = self._client.write(
                    "conversations.open", _Direct, {"users": self._client.workspace.me}
                )
            except Uncertain as error:  # opening it twice is opening it once
                raise NotReachable(error.message) from error
            channel = opened.channel.id
            self._kept.mark("direct", channel)
        return channel

    def say(self, one: Post) -> str:
        """Its ``ts``; empty where Slack refuses it for good. Operational where it is to be tried again."""
        intended = self._kept.intend(one)
        if intended.ts:
            return "" if intended.ts == UNSAID else intended.ts
        try:
            ts = self._said(one, intended.at, tried=intended.tried)
        except Uncertain as error:
            raise NotReachable(error.message) from error
        except (Refused, NotFound) as error:
            log.warning("Slack does not take a message to its person: %s", error.message)
            ts = UNSAID
        self._kept.said(one.op, ts)
        return "" if ts == UNSAID else ts

    def say_all(self, op: str, channel: str, thread: str, text: str, *, stream: str = "") -> None:
        """A text of any length, in as many messages as it takes."""
        for number, piece in enumerate(pieces(mrkdwn(text))):
            self.say(
                Post(
                    op=f"{op}#{number}" if number else op,
                    channel=channel,
                    thread=thread,
                    text=piece,
                    stream="" if number else stream,
                )
            )

    def recover(self) -> None:
        """Say what was to be said when the process ended."""
        for one in self._kept.unsaid():
            self.say(one)

    def change(
        self, channel: str, ts: str, text: str, blocks: tuple[dict[str, Value], ...] = (), *, op: str
    ) -> None:
        """Make a message of ours another one; doing so twice does no harm."""
        try:
            self._client.write("chat.update", _Done, {
                "channel": channel, "ts": ts, "text": text, "blocks": list(blocks), "metadata": metadata(op),
                "parse": "none",
            })  # fmt: skip
        except Uncertain as error:
            raise NotReachable(error.message) from error

    def aside(self, channel: str, user: str, text: str) -> None:
        """For one pair of eyes, and gone with a reload: nothing that must arrive."""
        try:
            self._client.write(
                "chat.postEphemeral", _Done, {"channel": channel, "user": user, "text": posted(text)}
            )
        except MeshClawError as error:
            log.info("An aside did not arrive: %s", error.message)

    # -- how --------------------------------------------------------------------------------

    def _said(self, one: Post, since: float, *, tried: bool) -> str:
        if one.stream and (ts := self._finished(one)):
            return ts
        if tried and (ts := find(self._client, one.channel, one.op, since=since, thread=one.thread)):
            return ts
        return post(
            self._client, one.channel, one.text, op=one.op, since=since, thread=one.thread, blocks=one.blocks
        ).ts  # fmt: skip

    def _finished(self, one: Post) -> str:
        """End the stream with the whole text; empty where it is gone. Each step may be done again."""
        ts = self._begun(one) if one.stream == UNKNOWN else one.stream
        if not ts:
            return ""
        try:
            self._client.write(
                "chat.stopStream", _Done, {"channel": one.channel, "ts": ts, "metadata": metadata(one.op)}
            )
        except (Refused, NotFound) as error:
            log.debug("A stream had ended before: %s", error.message)
        try:
            self.change(one.channel, ts, one.text, op=one.op)
        except NotFound:
            return ""
        return ts

    def _begun(self, one: Post) -> str:
        """Where a stream began whose answer was lost: the one message of ours in the thread that bears no mark."""
        where = {"channel": one.channel, "ts": one.thread, "include_all_metadata": True}
        for page in self._client.pages("conversations.replies", _Thread, where):
            for message in page.messages:
                marked = message.metadata is not None and message.metadata.event_type
                if message.user == self._client.workspace.bot and not marked:
                    return message.ts
        return ""


# -- words ---------------------------------------------------------------------------------------


def mrkdwn(text: str) -> str:
    """A model's Markdown in Slack's markup. Links show where they lead, and nothing rings anybody's phone."""
    text = _BOLD.sub(r"*\1*", _HEAD.sub(r"*\1*", plain_links(text)))
    return posted(text)


def plain_links(text: str) -> str:
    """``[here](https://a.example)`` as ``here (https://a.example)``; images alike: nothing is fetched."""
    return _LINK.sub(
        lambda found: found[2] if found[1] in ("", found[2]) else f"{found[1]} ({found[2]})", text
    )


def pieces(text: str) -> Iterator[str]:
    """At most ``PIECES`` of ``PIECE`` characters, broken at lines or spaces where there are any."""
    text = text.strip() or "(no words)"
    for number in range(1, PIECES + 1):
        if len(text) <= PIECE:
            yield text
            return
        end = max(text.rfind("\n", PIECE // 2, PIECE), text.rfind(" ", PIECE // 2, PIECE) if number else 0, 0)
        end = end or PIECE
        head, text = text[:end].rstrip(), text[end:].lstrip()
        yield head if number < PIECES else f"{head}\n… ({len(text):,} characters more)"
