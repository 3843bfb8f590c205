"""Who there is in the workspace, and who of them is an outsider: asked once, kept while the connector is open."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from meshclaw.connectors.mail.message.characters import one_line
from meshclaw.connectors.slack.address import at
from meshclaw.connectors.slack.client import Client, Page
from meshclaw.errors import NotFound, Refused, TooLong

KEPT = 600.0
"""Seconds after which the list is asked for again."""
MOST_PAGES, PAGE = 20, 1000
FOUND = 30
"""People that one look-up brings."""


class _Profile(msgspec.Struct, frozen=True, kw_only=True):
    real_name: str = ""
    display_name: str = ""
    title: str | None = ""
    email: str | None = ""


class _Grid(msgspec.Struct, frozen=True, kw_only=True):
    enterprise_id: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """As Slack gives one."""

    id: str
    name: str = ""
    team_id: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    profile: _Profile = _Profile()
    enterprise_user: _Grid = _Grid()


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """As a run gets one; an outsider's names stand in ``strange_name`` alone."""

    id: str
    name: str
    """The handle, which is the only one of its kind in the workspace."""
    outside: tuple[str, ...] = ()
    real_name: str = ""
    shown_as: str = ""
    title: str = ""
    strange_name: str = ""


class _Users(Page, frozen=True, kw_only=True):
    members: tuple[User, ...] = ()


class _One(msgspec.Struct, frozen=True):
    user: User


class _Domain(msgspec.Struct, frozen=True):
    domain: str = ""


class _Team(msgspec.Struct, frozen=True):
    team: _Domain


class People:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, User] = {}
        self._listed_at = float("-inf")
        self._hosts: dict[str, str] = {}

    def called(self, named: str, *, outsiders: bool) -> list[Person]:
        """Those in whose names all words of ``named`` stand, ``FOUND`` at most.

        Raises TooLong where more are called so: which one is meant could not be told.
        """
        words = named.casefold().removeprefix("@").split()
        found = [
            one for one in self._all()
            if not one.deleted and not one.is_bot and bool(self.outside(one)) == outsiders
            and all(word in _names(one) for word in words)
        ]  # fmt: skip
        if len(found) > FOUND:
            raise TooLong(f"{len(found)} people are called like {named!r}", fix="Look for more of the name.")
        return [self.person(one) for one in found]

    def one(self, id_: str) -> User:
        """NotFound where there is none."""
        if id_ not in self._known:
            self._known[id_] = self._client.read("users.info", _One, {"user": id_}).user
        return self._known[id_]

    def fresh(self, id_: str) -> User:
        """As the workspace has them now."""
        self._known.pop(id_, None)
        return self.one(id_)

    def handle(self, id_: str) -> str:
        """Of whoever wrote or is mentioned; the id where nobody says."""
        try:
            return self.one(id_).name or id_
        except NotFound:
            return id_

    def is_outsider(self, id_: str) -> bool:
        """Whether what they write is text by anyone; nobody known is one."""
        try:
            user = self.one(id_)
        except NotFound:
            return True
        return user.is_bot or bool(self.outside(user))

    def outside(self, user: User) -> tuple[str, ...]:
        """Where they belong to, as a destination; empty for a full member of the workspace."""
        workspace = self._client.workspace
        ours = {workspace.team, workspace.enterprise} - {""}
        if user.is_stranger or not ours & {user.team_id, user.enterprise_user.enterprise_id}:
            return (self.organisation(user.team_id or "unknown"),)
        return (at(user.id, "guest"),) if user.is_restricted or user.is_ultra_restricted else ()

    def organisation(self, team: str) -> str:
        """``T0123@vendor.slack.com``; the host is ``outside`` where Slack does not say it."""
        if team not in self._hosts:
            try:
                found = self._client.read("team.info", _Team, {"team": team}).team.domain
            except (NotFound, Refused):
                found = ""
            self._hosts[team] = f"{found}.slack.com" if found.replace("-", "").isalnum() else "outside"
        return at(team, self._hosts[team])

    def person(self, user: User) -> Person:
        outside = self.outside(user)
        real, shown = one_line(user.profile.real_name, 80), one_line(user.profile.display_name, 80)
        id_ = at(user.id, self._client.workspace.host)
        if outside:
            return Person(id=id_, name=user.name, outside=outside, strange_name=real or shown)
        title = one_line(user.profile.title or "", 80)
        return Person(
            id=id_, name=user.name, real_name=real, shown_as="" if shown == real else shown, title=title
        )

    def _all(self) -> Iterator[User]:
        if time.monotonic() - self._listed_at > KEPT:
            pages = list(self._client.pages("users.list", _Users, {"limit": PAGE}, most=MOST_PAGES))
            if pages and pages[-1].response_metadata.next_cursor:
                raise TooLong(
                    "the workspace has more people than can be looked through",
                    fix="Say where they wrote instead.",
                )
            self._known = {one.id: one for page in pages for one in page.members}
            self._listed_at = time.monotonic()
        return iter(list(self._known.values()))


def _names(user: User) -> str:
    profile = user.profile
    return " ".join((user.name, profile.real_name, profile.display_name, profile.email or "")).casefold()
