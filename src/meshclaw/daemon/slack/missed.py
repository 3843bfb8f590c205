"""What was written while the socket was away: read back from history, within bounds, and never taken twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import msgspec

from meshclaw.connectors.slack.client import Client, Page
from meshclaw.daemon.slack.envelopes import Event
from meshclaw.daemon.slack.gate import Words, passed
from meshclaw.daemon.slack.kept import Kept
from meshclaw.errors import MeshClawError, NotReachable, Throttled
from meshclaw.flow.action import Value

log = logging.getLogger(__name__)

FURTHEST_S = 24 * 3600.0
"""Nothing older is read back: the world may have moved on."""
OVERLAP_S = 60.0
"""Read back before the last sign of life, for clocks differ and what was on its way was not heard."""
PAGES = 2
"""Of 200 messages, of each place."""
THREADS, CHANNELS = 30, 30
LIVELY_S = 7 * 24 * 3600.0
"""A conversation without a word for longer is not looked at."""


class _Message(Event, frozen=True, kw_only=True):
    type: str = "message"
    reply_users: tuple[str, ...] = ()


class _Messages(Page, frozen=True, kw_only=True):
    messages: tuple[_Message, ...] = ()


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    is_member: bool = False


class _Places(Page, frozen=True, kw_only=True):
    channels: tuple[_Place, ...] = ()


def missed(client: Client, kept: Kept, direct: str, since: float) -> Iterator[Words]:
    """The person's words since then (Unix seconds), oldest first of each place.

    What has an answer of the claw already is left out: another claw may have given it.
    """
    oldest = max(since - OVERLAP_S, time.time() - FURTHEST_S)
    if since < oldest:
        log.warning("Slack was away for more than a day; what was written before that day is not read.")
    yield from _of(client, _read(client, "conversations.history", {"channel": direct}, oldest), direct)
    for channel, thread in sorted(kept.threads(time.time() - LIVELY_S), reverse=True)[:THREADS]:
        if channel == direct:
            where: dict[str, Value] = {"channel": channel, "ts": thread}
            yield from _of(client, _read(client, "conversations.replies", where, oldest), channel)
    for channel in _channels(client):
        for message in _read(client, "conversations.history", {"channel": channel}, oldest):
            if f"<@{client.workspace.bot}>" in (message.text or ""):
                yield from _of(client, [message], channel)


def _of(client: Client, messages: list[_Message], channel: str) -> Iterator[Words]:
    bot = client.workspace.bot
    for message in messages:
        if bot in message.reply_users and channel.startswith("D"):
            continue
        type_ = "message" if channel.startswith("D") else "app_mention"
        words = passed(msgspec.structs.replace(message, channel=channel, type=type_), client.workspace)
        if isinstance(words, Words):
            yield words


def _read(client: Client, method: str, where: dict[str, Value], oldest: float) -> list[_Message]:
    """Oldest first; nothing where the place is gone or closed to the claw."""
    found: list[_Message] = []
    try:
        for page in client.pages(method, _Messages, {**where, "oldest": f"{oldest:.6f}"}, most=PAGES):
            found += page.messages
    except (NotReachable, Throttled):
        raise
    except MeshClawError as error:
        log.info("A place in Slack cannot be read back: %s", error.message)
    return sorted((one for one in found if float(one.ts or 0) > oldest), key=lambda one: float(one.ts))


def _channels(client: Client) -> list[str]:
    wanted: dict[str, Value] = {"types": "public_channel,private_channel", "exclude_archived": True}
    try:
        pages = list(client.pages("conversations.list", _Places, wanted, most=5))
    except (NotReachable, Throttled):
        raise
    except MeshClawError as error:
        log.info("Mentions in channels cannot be read back: %s", error.message)
        return []
    return [one.id for page in pages for one in page.channels if one.is_member][:CHANNELS]
