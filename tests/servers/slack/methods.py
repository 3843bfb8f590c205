"""The methods of the Web API, each a function of the world, who calls and the arguments."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from tests.servers.slack.world import BOT_ID, HOST, TEAM, Thing, World, Wrong


class Caller(msgspec.Struct, frozen=True):
    kind: str
    user: str
    scopes: frozenset[str]


Method = Callable[[World, Caller, Thing], Thing]
METHODS: dict[str, tuple[Method, str]] = {}
"""With the scope that each needs of a bot."""


def method(name: str, scope: str = "") -> Callable[[Method], Method]:
    def take(function: Method) -> Method:
        METHODS[name] = (function, scope)
        return function

    return take


def _paged(items: list[Any], arguments: Thing, usual: int = 100) -> tuple[list[Any], Thing]:
    limit = int(arguments.get("limit") or usual)
    start = int(str(arguments.get("cursor") or "at:0").removeprefix("at:"))
    more = start + limit < len(items)
    return items[start : start + limit], {"next_cursor": f"at:{start + limit}" if more else ""}


def parsed(value: object) -> Any:
    """In a form, what is no text stands as JSON."""
    return msgspec.json.decode(value) if isinstance(value, str) else value


# -- who and where -----------------------------------------------------------------------------


@method("auth.test")
def auth_test(world: World, caller: Caller, _: Thing) -> Thing:
    me = world.users[caller.user]
    more = {"bot_id": BOT_ID} if caller.kind == "bot" else {}
    return {
        "url": f"https://{HOST}/", "team": "Acme", "user": me["name"], "team_id": TEAM, "user_id": caller.user,
        "is_enterprise_install": False, **more,
    }  # fmt: skip


@method("team.info", "team:read")
def team_info(world: World, _: Caller, arguments: Thing) -> Thing:
    team = str(arguments.get("team") or TEAM)
    if team not in world.teams:
        raise Wrong("team_not_found")
    return {"team": world.teams[team]}


@method("users.list", "users:read")
def users_list(world: World, _: Caller, arguments: Thing) -> Thing:
    members, after = _paged(list(world.users.values()), arguments)
    return {"members": members, "cache_ts": int(time.time()), "response_metadata": after}


@method("users.info", "users:read")
def users_info(world: World, _: Caller, arguments: Thing) -> Thing:
    if arguments.get("user") not in world.users:
        raise Wrong("user_not_found")
    return {"user": world.users[arguments["user"]]}


@method("users.lookupByEmail", "users:read.email")
def users_by_email(world: World, _: Caller, arguments: Thing) -> Thing:
    for one in world.users.values():
        if one["profile"]["email"] == arguments.get("email"):
            return {"user": one}
    raise Wrong("users_not_found")


def _shown(channel: Thing, caller: Caller) -> Thing:
    shown = {name: value for name, value in channel.items() if name != "members"}
    return {**shown, "is_member": caller.user in channel["members"], "num_members": len(channel["members"])}


@method("conversations.list", "channels:read")
def conversations_list(world: World, caller: Caller, arguments: Thing) -> Thing:
    types = set(str(arguments.get("types") or "public_channel").split(","))
    kinds = {"public_channel": "is_channel", "private_channel": "is_group", "im": "is_im", "mpim": "is_mpim"}
    if types - kinds.keys():
        raise Wrong("invalid_types")
    found = [
        one for one in world.seen_by(caller.user)
        if any(one.get(kinds[kind]) for kind in types)
        and not (str(arguments.get("exclude_archived")) in ("1", "true", "True") and one["is_archived"])
    ]  # fmt: skip
    channels, after = _paged([_shown(one, caller) for one in found], arguments)
    return {"channels": channels, "response_metadata": after}


@method("conversations.info", "channels:read")
def conversations_info(world: World, caller: Caller, arguments: Thing) -> Thing:
    return {"channel": _shown(world.place(arguments.get("channel"), caller.user, member=False), caller)}


@method("conversations.members", "channels:read")
def conversations_members(world: World, caller: Caller, arguments: Thing) -> Thing:
    members, after = _paged(
        world.place(arguments.get("channel"), caller.user, member=False)["members"], arguments
    )
    return {"members": members, "response_metadata": after}


@method("conversations.open", "im:write")
def conversations_open(world: World, caller: Caller, arguments: Thing) -> Thing:
    user = str(arguments.get("users", ""))
    if user not in world.users:
        raise Wrong("user_not_found")
    id_ = world.direct(user, caller.user)
    return {"no_op": False, "already_open": False, "channel": {"id": id_}}


@method("conversations.join", "channels:join")
def conversations_join(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel"), caller.user, member=False)
    if caller.user not in channel["members"]:
        channel["members"].append(caller.user)
    return {"channel": _shown(channel, caller)}


# -- reading -----------------------------------------------------------------------------------


def _between(messages: list[Thing], arguments: Thing) -> list[Thing]:
    oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or 1e12)
    both = str(arguments.get("inclusive")) in ("1", "true", "True")
    return [
        one for one in messages
        if oldest < float(one["ts"]) < latest or (both and float(one["ts"]) in (oldest, latest))
    ]  # fmt: skip


def _told(messages: list[Thing], arguments: Thing) -> list[Thing]:
    if str(arguments.get("include_all_metadata")) in ("1", "true", "True"):
        return messages
    return [{name: value for name, value in one.items() if name != "metadata"} for one in messages]


@method("conversations.history", "channels:history")
def conversations_history(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel"), caller.user)
    own = [
        one for one in world.messages[channel["id"]]
        if one.get("thread_ts") in (None, one["ts"]) or one.get("subtype") == "thread_broadcast"
    ]  # fmt: skip
    found, after = _paged(_between(own, arguments)[::-1], arguments)
    more = bool(after["next_cursor"])
    return {
        "messages": _told(found, arguments), "has_more": more, "pin_count": 0, "channel_actions_ts": None,
        "channel_actions_count": 0, **({"response_metadata": after} if more else {}),
    }  # fmt: skip


@method("conversations.replies", "channels:history")
def conversations_replies(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel"), caller.user)
    if world.message(channel["id"], arguments.get("ts")) is None:
        raise Wrong("thread_not_found")
    parent = world.there(channel["id"], arguments["ts"])
    replies = [
        one
        for one in world.messages[channel["id"]]
        if one.get("thread_ts") == parent["ts"] and one is not parent
    ]
    found, after = _paged([parent, *_between(replies, arguments)], arguments)
    more = bool(after["next_cursor"])
    return {
        "messages": _told(found, arguments),
        "has_more": more,
        **({"response_metadata": after} if more else {}),
    }


@method("search.messages", "search:read")
def search_messages(world: World, caller: Caller, arguments: Thing) -> Thing:
    if caller.kind != "user":
        raise Wrong("not_allowed_token_type")
    words = str(arguments.get("query", "")).lower().split()
    if not words:
        raise Wrong("no_query")
    found = [
        _match(world, channel, message)
        for channel in world.seen_by(caller.user)
        for message in world.messages[channel["id"]]
        if all(word in message["text"].lower() for word in words)
    ]
    count, page = int(arguments.get("count") or 20), int(arguments.get("page") or 1)
    matches = sorted(found, key=lambda one: -float(one["ts"]))[(page - 1) * count : page * count]
    paging = {"count": count, "total": len(found), "page": page, "pages": -(-len(found) // count)}
    return {
        "query": arguments["query"],
        "messages": {"total": len(found), "matches": matches, "paging": paging},
    }


def _match(world: World, channel: Thing, message: Thing) -> Thing:
    place = {
        name: channel.get(name, False) for name in ("is_private", "is_ext_shared", "is_shared", "is_mpim")
    }
    user = message.get("user", "")
    return {
        "iid": message["ts"], "team": TEAM, "channel": {"id": channel["id"], "name": channel.get("name", user),
        **place},
        "type": "message", "user": user, "username": world.users.get(user, {}).get("name", ""), "ts": message["ts"],
        "text": message["text"], "permalink": permalink(channel["id"], message["ts"]),
    }  # fmt: skip


def permalink(channel: str, ts: str) -> str:
    return f"https://{HOST}/archives/{channel}/p{ts.replace('.', '')}"
