"""Messages as a run gets them: plain, bounded, and kept apart by who can have written them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import cast

import msgspec

from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.slack.address import at, ref
from meshclaw.connectors.slack.client import Client, Page
from meshclaw.connectors.slack.markup import plain
from meshclaw.connectors.slack.people import People

MOST_TEXT = 4_000
"""Characters of one message."""
MOST_DEPTH = 8
"""Of blocks within blocks."""
MOST_FILES = 20


class File(msgspec.Struct, frozen=True, kw_only=True):
    """As Slack gives one."""

    id: str
    name: str | None = ""
    title: str | None = ""
    size: int = 0
    user: str = ""
    mimetype: str = ""
    url_private_download: str = ""
    url_private: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """As Slack gives one."""

    ts: str
    text: str | None = ""
    user: str = ""
    bot_id: str = ""
    username: str = ""
    subtype: str = ""
    thread_ts: str = ""
    reply_count: int = 0
    files: tuple[File, ...] = ()
    blocks: tuple[dict[str, object], ...] = ()
    attachments: tuple[dict[str, object], ...] = ()


class Messages(Page, frozen=True, kw_only=True):
    messages: tuple[Message, ...] = ()
    has_more: bool = False


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    size: int


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """As a run gets one; text that an outsider or an app can have written stands in ``foreign_text`` alone."""

    ref: str
    time: str
    author: str = ""
    by: str = ""
    channel: str = ""
    place: str = ""
    """The channel's name."""
    outside: tuple[str, ...] = ()
    """Who else reads what is answered there."""
    thread: str = ""
    """The message it answers."""
    replies: int = 0
    text: str = ""
    foreign_text: str = ""
    files: tuple[Attached, ...] = ()


class Reader:
    def __init__(self, client: Client, people: People) -> None:
        self._host = client.workspace.host
        self._people = people

    def said(self, message: Message, channel: str, *, outside: tuple[str, ...] = (), place: str = "") -> Said:
        text = plain(message.text or "", self._people.handle)
        more = plain("\n".join(_texts(message.attachments)), self._people.handle)
        if not text:
            text = plain("\n".join(_texts(message.blocks)), self._people.handle)
        strange = not message.user or bool(message.bot_id) or self._people.is_outsider(message.user)
        foreign = "\n".join(filter(None, (text if strange else "", more)))
        in_thread = message.thread_ts not in ("", message.ts)
        return Said(
            ref=ref(channel, message.ts), time=_when(message.ts), channel=at(channel, self._host), place=place,
            author=at(message.user, self._host) if message.user else "", outside=outside,
            by=self._people.handle(message.user) if message.user else "",
            thread=ref(channel, message.thread_ts) if in_thread else "", replies=message.reply_count,
            text="" if strange else text[:MOST_TEXT], foreign_text=foreign[:MOST_TEXT],
            files=tuple(map(_attached, message.files[:MOST_FILES])),
        )  # fmt: skip


def _attached(file: File) -> Attached:
    return Attached(id=file.id, name=one_line(file.name or file.title or "", 120), size=max(0, file.size))


def _when(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), UTC).isoformat()


_SPOKEN = frozenset({"pretext", "title", "text", "value", "title_link", "from_url", "url"})
"""Keys of blocks and attachments under which stands what a reader sees, or where it leads."""


def _texts(blocks: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Every text in blocks or attachments, in their order; a fallback only where there is nothing else."""
    for block in blocks:
        own = list(_walk(block, 0))
        yield from own or [str(block.get("fallback", ""))]


def _walk(value: object, depth: int) -> Iterator[str]:
    if depth > MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            if not isinstance(inner, str):
                yield from _walk(inner, depth + 1)
            elif name in _SPOKEN:
                yield inner
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from _walk(inner, depth + 1)
