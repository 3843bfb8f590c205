"""What comes over the socket, as Slack gives it. Only what is used here is read; whatever else stands there is left.

Fields: the reference of the Events API and of interactivity payloads.
"""

from __future__ import annotations

import msgspec

from meshclaw.connectors.slack.messages import File

NOTHING = msgspec.Raw(b"{}")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    """``hello``, ``disconnect``, ``events_api``, ``interactive`` or ``slash_commands``."""
    envelope_id: str = ""
    payload: msgspec.Raw = NOTHING
    accepts_response_payload: bool = False
    num_connections: int = 1
    """Of the app, this one among them; in ``hello``."""
    reason: str = ""
    """Of a ``disconnect``."""


class Pane(msgspec.Struct, frozen=True, kw_only=True):
    """A thread of the assistant pane."""

    user_id: str = ""
    channel_id: str = ""
    thread_ts: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    subtype: str = ""
    channel: str = ""
    channel_type: str = ""
    user: str = ""
    bot_id: str = ""
    app_id: str = ""
    team: str = ""
    user_team: str = ""
    text: str | None = ""
    ts: str = ""
    thread_ts: str = ""
    files: tuple[File, ...] = ()
    assistant_thread: Pane = Pane()
    tab: str = ""
    hidden: bool = False


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    team_id: str = ""
    event_id: str = ""
    event: Event


class Slash(msgspec.Struct, frozen=True, kw_only=True):
    command: str = ""
    text: str = ""
    user_id: str = ""
    team_id: str = ""
    channel_id: str = ""
    trigger_id: str = ""


class _Id(msgspec.Struct, frozen=True):
    id: str = ""
    team_id: str = ""


class _Container(msgspec.Struct, frozen=True):
    type: str = ""
    message_ts: str = ""
    channel_id: str = ""


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    action_id: str = ""
    value: str = ""
    action_ts: str = ""


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    user: _Id = _Id()
    team: _Id | None = None
    trigger_id: str = ""
    container: _Container = _Container()
    actions: tuple[Pressed, ...] = ()
