"""A message of ours goes out once: it carries its operation's id, by which it is found again.

Slack knows no idempotency key for bots. So the id stands in the message's metadata, which nobody sees; before anything
is posted again, the channel or thread is read back from the time at which it can first have been posted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from meshclaw.connectors.slack.client import Client, Page
from meshclaw.errors import MeshClawError, Uncertain
from meshclaw.flow.action import Value

EVENT = "meshclaw_op"
MOST_PAGES = 20
SKEW = 300.0
"""Seconds that this machine's clock may be ahead of Slack's."""
SETTLE = 2.0
"""Seconds after which a post that was under way is there, or never will be."""


class Metadata(msgspec.Struct, frozen=True):
    event_type: str = ""
    event_payload: dict[str, object] = {}


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """What ``chat.postMessage`` answers, and one message as far as it matters here."""

    ts: str
    channel: str = ""


class _Marked(msgspec.Struct, frozen=True, kw_only=True):
    ts: str
    user: str = ""
    metadata: Metadata | None = None


class _Messages(Page, frozen=True, kw_only=True):
    messages: tuple[_Marked, ...] = ()


def metadata(op: str) -> dict[str, Value]:
    return {"event_type": EVENT, "event_payload": {"op": op}}


def post(
    client: Client, channel: str, text: str, *, op: str, since: float, thread: str = "",
    blocks: Sequence[dict[str, Value]] = (), sleep: Callable[[float], None] = time.sleep,
) -> Posted:  # fmt: skip
    """Post ``text`` as it stands (escape it first). Nothing is unfurled: that would fetch what it links to.

    ``op``: the action's external id; ``since``: Unix seconds before which it cannot have been posted. Where the answer
    is lost, it is looked for; ``Uncertain`` only where that shows nothing.
    """
    message: dict[str, Value] = {
        "channel": channel, "text": text, "metadata": metadata(op), "parse": "none", "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }  # fmt: skip
    if thread:
        message["thread_ts"] = thread
    if blocks:
        message["blocks"] = list(blocks)
    try:
        return client.write("chat.postMessage", Posted, message)
    except Uncertain:
        with suppress(MeshClawError):  # what stands in the way of looking proves nothing
            if (ts := find(client, channel, op, since=since, thread=thread, sleep=sleep)) is not None:
                return Posted(ts=ts, channel=channel)
        raise


def find(
    client: Client, channel: str, op: str, *, since: float, thread: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> str | None:  # fmt: skip
    """The ``ts`` of the message with that operation; None where it is not there, looked for twice.

    Raises Uncertain where there is too much to look through.
    """
    if (ts := _look(client, channel, op, since, thread)) is not None:
        return ts
    sleep(SETTLE)
    return _look(client, channel, op, since, thread)


def _look(client: Client, channel: str, op: str, since: float, thread: str) -> str | None:
    method = "conversations.replies" if thread else "conversations.history"
    where: dict[str, Value] = {
        "channel": channel, "oldest": f"{since - SKEW:.6f}", "include_all_metadata": True,
        **({"ts": thread} if thread else {}),
    }  # fmt: skip
    pages = client.pages(method, _Messages, where, most=MOST_PAGES)
    page = None
    for page in pages:
        for message in page.messages:
            if _is_ours(message, op, client.workspace.bot):
                return message.ts
    if page is not None and page.response_metadata.next_cursor:
        raise Uncertain("too much was written there since to tell whether it was posted")
    return None


def _is_ours(message: _Marked, op: str, bot: str) -> bool:
    mark = message.metadata
    written = mark is not None and mark.event_type == EVENT and mark.event_payload.get("op") == op
    return written and message.user == bot
