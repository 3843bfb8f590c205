"""The channels there are, and who outside the company reads along in one."""

from __future__ import annotations

import time

import msgspec

from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.slack.address import at
from meshclaw.connectors.slack.client import Client, Page
from meshclaw.connectors.slack.people import People
from meshclaw.errors import NotFound, Refused

MOST_PAGES, PAGE = 10, 1000
KEPT = 300.0
"""Seconds for which a name stands for the same channel."""
TYPES = "public_channel,private_channel"


class _Text(msgspec.Struct, frozen=True):
    value: str = ""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """As Slack gives one."""

    id: str
    name: str = ""
    user: str = ""
    """Of a direct conversation."""
    is_im: bool = False
    is_private: bool = False
    is_member: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False
    shared_team_ids: tuple[str, ...] = ()
    connected_team_ids: tuple[str, ...] = ()
    topic: _Text = _Text()


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """As a run gets one; the topic of a shared one stands in ``shared_topic``."""

    id: str
    name: str
    outside: tuple[str, ...] = ()
    private: bool = False
    joined: bool = False
    """The claw is in it: it can read there."""
    topic: str = ""
    shared_topic: str = ""


class _Conversations(Page, frozen=True, kw_only=True):
    channels: tuple[Conversation, ...] = ()


class _One(msgspec.Struct, frozen=True):
    channel: Conversation


class Places:
    def __init__(self, client: Client, people: People) -> None:
        self._client = client
        self._people = people
        self._named: dict[str, list[Conversation]] = {}
        self._listed_at = float("-inf")

    def all(self) -> list[Conversation]:
        wanted = {"types": TYPES, "exclude_archived": True, "limit": PAGE}
        pages = self._client.pages("conversations.list", _Conversations, wanted, most=MOST_PAGES)
        found = [one for page in pages for one in page.channels]
        self._named = {}
        for one in found:
            self._named.setdefault(one.name, []).append(one)
        self._listed_at = time.monotonic()
        return found

    def named(self, name: str) -> Conversation:
        """The one channel of that name. NotFound where there is none, Refused where there are several."""
        if time.monotonic() - self._listed_at > KEPT or name not in self._named:
            self.all()
        if not (found := self._named.get(name)):
            raise NotFound(
                f"there is no channel #{name}, or the claw cannot see it", fix="Invite the claw there."
            )
        if len(found) > 1:
            raise Refused(f"{len(found)} channels are called #{name}")
        return found[0]

    def one(self, id_: str) -> Conversation:
        return self._client.read("conversations.info", _One, {"channel": id_}).channel

    def outside(self, place: Conversation) -> tuple[str, ...]:
        """The organisations that read along, sorted; never empty for a place that is shared with any."""
        if place.is_im and place.user:
            return self._people.outside(self._people.one(place.user))
        if not (place.is_ext_shared or place.is_pending_ext_shared):
            return ()
        workspace = self._client.workspace
        ours = {workspace.team, workspace.enterprise}
        others = sorted({*place.shared_team_ids, *place.connected_team_ids} - ours)
        return tuple(map(self._people.organisation, others)) or (at("unknown", "outside"),)

    def channel(self, place: Conversation) -> Channel:
        outside, topic = self.outside(place), one_line(place.topic.value, 250)
        return Channel(
            id=at(place.id, self._client.workspace.host), name=place.name, outside=outside, private=place.is_private,
            joined=place.is_member, topic="" if outside else topic, shared_topic=topic if outside else "",
        )  # fmt: skip

    def called(self, place: Conversation) -> str:
        """As a person knows it."""
        if place.is_im:
            return f"@{self._people.handle(place.user)}"
        kind = "private, " if place.is_private else ""
        others = ", ".join(one.partition("@")[2] for one in self.outside(place))
        shared = f"shared with {others}" if others else "internal"
        return f"#{place.name} ({kind}{shared})"
