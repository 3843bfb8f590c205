"""Who may speak: the claw's own person, in their own words. Everybody else is a stranger, and programs are nobody."""

from __future__ import annotations

from typing import Literal

import msgspec

from meshclaw.connectors.slack.messages import File
from meshclaw.daemon.slack.envelopes import Event, Slash
from meshclaw.settings.slack import Workspace

How = Literal["direct", "mention", "slash"]
_SPOKEN = frozenset({"", "file_share", "thread_broadcast"})
"""Subtypes of messages that somebody wrote; an edited one is no new request."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What the claw's person said."""

    key: str
    """One for all the ways in which Slack tells of it."""
    how: How
    channel: str
    ts: str
    """Of the message; empty for a slash command."""
    thread: str = ""
    """The thread it stands in; empty where it begins one."""
    text: str
    """In Slack's own markup."""
    files: tuple[File, ...] = ()


class Stranger(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else who wrote to the claw directly."""

    user: str
    channel: str


def message_key(channel: str, ts: str) -> str:
    return f"message {channel} {ts}"


def passed(event: Event, workspace: Workspace) -> Words | Stranger | None:
    """In a channel only what mentions the claw is meant for it."""
    if event.type not in ("message", "app_mention") or event.subtype not in _SPOKEN or event.hidden:
        return None
    if not event.user or event.bot_id or event.user == workspace.bot or not event.ts:
        return None
    direct = event.channel_type == "im" or event.channel.startswith("D")
    if not is_person(event.user, event.team or event.user_team, workspace):
        return Stranger(user=event.user, channel=event.channel) if direct else None
    thread = "" if event.thread_ts == event.ts else event.thread_ts
    if not direct and event.type == "message":
        return None
    return Words(
        key=message_key(event.channel, event.ts), how="direct" if direct else "mention", channel=event.channel,
        ts=event.ts, thread=thread, text=event.text or "", files=event.files,
    )  # fmt: skip


def called(slash: Slash, workspace: Workspace) -> Words | None:
    if not is_person(slash.user_id, slash.team_id, workspace) or not slash.trigger_id:
        return None
    return Words(
        key=f"slash {slash.trigger_id}", how="slash", channel=slash.channel_id, ts="", text=slash.text
    )


def is_person(user: str, team: str, workspace: Workspace) -> bool:
    """An id of another organisation is not the person's, whatever it says; where none stands, the id is ours."""
    return bool(workspace.me) and user == workspace.me and team in ("", workspace.team, workspace.enterprise)
