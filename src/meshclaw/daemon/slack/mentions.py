"""A digest of channels: where the person was mentioned since the last one, counted out by code and not by a model."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import msgspec

from meshclaw.connectors.slack import address
from meshclaw.connectors.slack.client import Client
from meshclaw.connectors.slack.messages import Message, Messages, Reader
from meshclaw.connectors.slack.people import People
from meshclaw.connectors.slack.places import Conversation, Places
from meshclaw.daemon.slack.kept import Kept
from meshclaw.errors import NotFound
from meshclaw.flow.action import Value

FIRST_S = 24 * 3600.0
"""How far the first digest of a channel looks back."""
PAGES, THREADS = 5, 20
"""Of 200 messages, of a channel; and of its threads with new answers."""
SHOWN = 300
"""Characters of one message."""
LOUD = ("<!channel", "<!here", "<!everyone")


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    channel: str
    """As a person knows it: ``#deploys``."""
    time: str
    """RFC 3339, UTC."""
    by: str
    text: str
    link: str
    everyone: bool
    """The whole channel was rung, and the person with it."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    channel: str
    since: float
    """Unix seconds."""
    messages: int
    """That were looked through."""
    mentions: tuple[Mention, ...]
    more: bool
    """There was more than was looked through; the oldest of it was left out."""


def digests(client: Client, kept: Kept, names: Iterable[str]) -> Iterator[Digest]:
    """Of the named channels, or all that the claw is in; the next one begins where this one ended."""
    people = People(client)
    places = Places(client, people)
    wanted = [name.removeprefix("#") for name in names]
    for place in [places.named(name) for name in wanted] or [one for one in places.all() if one.is_member]:
        if not place.is_member:
            raise NotFound(
                f"the claw is not in #{place.name}", fix=f"Invite it there: /invite in #{place.name}"
            )
        yield _digest(client, kept, Reader(client, people), place)


def _digest(client: Client, kept: Kept, reader: Reader, place: Conversation) -> Digest:
    name, now = f"digest {place.id}", time.time()
    since = float(kept.marked(name) or now - FIRST_S)
    found, more = _read(client, "conversations.history", {"channel": place.id}, since)
    answered = [one for one in found if one.reply_count]
    for parent in answered[:THREADS]:
        replies, _ = _read(client, "conversations.replies", {"channel": place.id, "ts": parent.ts}, since)
        found += [one for one in replies if one.ts != parent.ts]
    found = [one for one in found if float(one.ts) > since]
    mentions = [_mention(client, reader, place, one) for one in found if _is_meant(client, one)]
    kept.mark(name, max((one.ts for one in found), key=float, default=f"{since:.6f}"))
    return Digest(
        channel=f"#{place.name}", since=since, messages=len(found), more=more or len(answered) > THREADS,
        mentions=tuple(sorted(mentions, key=lambda one: one.time)),
    )  # fmt: skip


def _read(client: Client, method: str, where: dict[str, Value], since: float) -> tuple[list[Message], bool]:
    pages = list(client.pages(method, Messages, {**where, "oldest": f"{since:.6f}"}, most=PAGES))
    more = bool(pages and pages[-1].response_metadata.next_cursor)
    return [one for page in pages for one in page.messages], more


def _is_meant(client: Client, message: Message) -> bool:
    me, text = client.workspace.me, message.text or ""
    return message.user != me and (
        f"<@{me}>" in text or f"<@{me}|" in text or any(one in text for one in LOUD)
    )


def _mention(client: Client, reader: Reader, place: Conversation, message: Message) -> Mention:
    said = reader.said(message, place.id)
    thread = message.thread_ts if message.thread_ts != message.ts else ""
    text = " / ".join(filter(None, (said.text, said.foreign_text)))
    return Mention(
        channel=f"#{place.name}", time=said.time, by=said.by or "an app",
        text=text if len(text) <= SHOWN else f"{text[:SHOWN]}…",
        link=address.link(client.workspace.host, place.id, message.ts, thread),
        everyone=f"<@{client.workspace.me}" not in (message.text or ""),
    )  # fmt: skip
