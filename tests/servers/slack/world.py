"""What there is in the workspace: people, channels, messages, files. The forms are those of Slack's reference."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable
from typing import Any

TEAM, HOST, APP = "T0ACME", "acme.slack.com", "A0MESH"
BOT, BOT_ID, ME = "U0BOT", "B0BOT", "U0ME"
Thing = dict[str, Any]


class Wrong(Exception):
    """An answer ``ok: false``."""

    def __init__(self, code: str, **more: object) -> None:
        super().__init__(code)
        self.answer = {"ok": False, "error": code, **more}


class World:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users: dict[str, Thing] = {}
        self.channels: dict[str, Thing] = {}
        self.messages: dict[str, list[Thing]] = {}
        """By channel, oldest first, replies among them."""
        self.files: dict[str, Thing] = {}
        self.contents: dict[str, bytes] = {}
        self.teams: dict[str, Thing] = {TEAM: {"id": TEAM, "name": "Acme", "domain": "acme"}}
        self.views: dict[str, Thing] = {}
        """Home tabs and modals, by user."""
        self.statuses: list[Thing] = []
        """What the assistant pane was told."""
        self._number = itertools.count(1)
        self._last = 0.0
        self.user("me", id_=ME, real_name="Mo Ashby")
        self.user("meshclaw", id_=BOT, real_name="MeshClaw", is_bot=True, bot_id=BOT_ID)

    def new_id(self, letter: str) -> str:
        return f"{letter}0{next(self._number):04d}ACME"

    def new_ts(self) -> str:
        with self.lock:
            self._last = max(time.time(), self._last + 0.0001)
            return f"{self._last:.6f}"

    # -- people and places -----------------------------------------------------------------

    def user(self, name: str, *, id_: str = "", real_name: str = "", bot_id: str = "", **more: object) -> str:
        id_ = id_ or self.new_id("U")
        profile = {
            "real_name": real_name or name, "display_name": more.pop("display_name", ""), "title": more.pop("title",
            ""),
            "email": more.pop("email", f"{name}@acme.example"), **({"bot_id": bot_id} if bot_id else {}),
        }  # fmt: skip
        self.users[id_] = {
            "id": id_, "team_id": TEAM, "name": name, "deleted": False, "real_name": real_name or name,
            "profile": profile, "is_bot": False, "is_admin": False, "is_restricted": False,
            "is_ultra_restricted": False, "is_app_user": False, "updated": int(time.time()), "tz": "Europe/Berlin",
            **more,
        }  # fmt: skip
        return id_

    def stranger(self, name: str, team: str, domain: str, **more: object) -> str:
        """Somebody of another organisation, met in a shared channel."""
        self.teams.setdefault(team, {"id": team, "name": domain.title(), "domain": domain})
        return self.user(name, team_id=team, is_stranger=True, **more)

    def channel(
        self, name: str, members: Iterable[str] = (), *, private: bool = False, with_bot: bool = True,
        shared_with: Iterable[str] = (), topic: str = "", **more: object,
    ) -> str:  # fmt: skip
        id_ = self.new_id("C")
        others = list(shared_with)
        self.channels[id_] = {
            "id": id_, "name": name, "name_normalized": name, "is_channel": not private, "is_group": private,
            "is_im": False, "is_mpim": False, "is_private": private, "created": int(time.time()), "creator": ME,
            "is_archived": False, "is_general": name == "general", "is_shared": bool(others),
            "is_ext_shared": bool(others), "is_org_shared": False, "is_pending_ext_shared": False,
            "context_team_id": TEAM, "shared_team_ids": [TEAM, *others], "connected_team_ids": others,
            "topic": {"value": topic, "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "",
            "last_set": 0},
            "members": [*members, *([BOT] if with_bot else [])], **more,
        }  # fmt: skip
        self.messages[id_] = []
        return id_

    def direct(self, user: str, other: str = BOT) -> str:
        """The conversation of those two, made where there is none."""
        with self.lock:
            for one in self.channels.values():
                if one["is_im"] and set(one["members"]) == {user, other}:
                    return str(one["id"])
            id_ = self.new_id("D")
            self.channels[id_] = {
                "id": id_, "created": int(time.time()), "is_im": True, "is_mpim": False, "is_private": True,
                "is_archived": False,
                "is_org_shared": False, "user": user, "context_team_id": TEAM, "members": [user, other],
            }  # fmt: skip
            self.messages[id_] = []
            return id_

    def seen_by(self, user: str) -> Iterable[Thing]:
        return (one for one in self.channels.values() if user in one["members"] or one.get("is_channel"))

    def place(self, channel: object, user: str, *, member: bool = True) -> Thing:
        found = self.channels.get(str(channel)) or next(
            (one for one in self.channels.values() if one.get("name") == str(channel).removeprefix("#")), None
        )
        if found is None or (user not in found["members"] and not found.get("is_channel")):
            raise Wrong("channel_not_found")
        if member and user not in found["members"]:
            raise Wrong("not_in_channel")
        return found

    # -- messages --------------------------------------------------------------------------

    def add(self, channel: str, message: Thing) -> Thing:
        with self.lock:
            thread = message.get("thread_ts")
            if thread and self.message(channel, thread) is None:
                raise Wrong("thread_not_found")
            made = {"type": "message", "ts": self.new_ts(), "team": TEAM, **message}
            self.messages[channel].append(made)
            if thread and (parent := self.message(channel, thread)) is not None:
                replies = [
                    one
                    for one in self.messages[channel]
                    if one.get("thread_ts") == thread and one is not parent
                ]
                users = list(dict.fromkeys(one.get("user", "") for one in replies))
                parent |= {
                    "thread_ts": thread, "reply_count": len(replies), "reply_users": users,
                    "reply_users_count": len(users),
                    "latest_reply": replies[-1]["ts"],
                }  # fmt: skip
            return made

    def message(self, channel: str, ts: object) -> Thing | None:
        return next((one for one in self.messages.get(channel, ()) if one["ts"] == str(ts)), None)

    def there(self, channel: str, ts: object) -> Thing:
        if (found := self.message(channel, ts)) is None:
            raise Wrong("message_not_found")
        return found

    def texts(self, channel: str) -> list[str]:
        return [str(one["text"]) for one in self.messages[channel]]
