"""Searching what the person may see: by their own token where there is one, else what the claw itself can read."""

from __future__ import annotations

import msgspec

from meshclaw.connectors.slack.client import Client, Page
from meshclaw.connectors.slack.messages import Message, Messages, Reader, Said
from meshclaw.connectors.slack.places import Conversation, Places
from meshclaw.errors import UserError

FOUND = 20
MOST_CHANNELS, MOST_MESSAGES = 15, 200
"""What is read through without a user token: channels that the claw is in, and the newest messages of each."""


class _Match(Message, frozen=True, kw_only=True):
    channel: Conversation


class _Matches(msgspec.Struct, frozen=True):
    matches: tuple[_Match, ...] = ()


class _Answer(Page, frozen=True, kw_only=True):
    messages: _Matches


class Search:
    def __init__(self, client: Client, places: Places, reader: Reader) -> None:
        self._client = client
        self._places = places
        self._reader = reader

    def find(self, words: str) -> list[Said]:
        """Newest first."""
        if not words.strip():
            raise UserError("look for what? there are no words")
        if "user" in self._client.workspace.tokens:
            return self._as_the_person(words)
        return self._as_the_claw(words.casefold().split())

    def _as_the_person(self, words: str) -> list[Said]:
        asked = {"query": words, "count": FOUND, "sort": "timestamp"}
        found = self._client.read("search.messages", _Answer, asked, by="user").messages.matches
        return [
            self._reader.said(
                one, one.channel.id, outside=self._places.outside(one.channel), place=one.channel.name
            )
            for one in found[:FOUND]
        ]

    def _as_the_claw(self, words: list[str]) -> list[Said]:
        found: list[Said] = []
        for place in [one for one in self._places.all() if one.is_member][:MOST_CHANNELS]:
            asked = {"channel": place.id, "limit": MOST_MESSAGES}
            outside = self._places.outside(place)
            found += [
                self._reader.said(one, place.id, outside=outside, place=place.name)
                for one in self._client.read("conversations.history", Messages, asked).messages
                if all(word in (one.text or "").casefold() for word in words)
            ]
        return sorted(found, key=lambda one: one.time, reverse=True)[:FOUND]
