"""The methods that change something: messages, reactions, files, and the app's own surfaces."""

from __future__ import annotations

import time

from tests.servers.slack.methods import Caller, method, parsed, permalink
from tests.servers.slack.world import APP, BOT_ID, TEAM, Thing, World, Wrong

# -- writing -----------------------------------------------------------------------------------


def _written(arguments: Thing) -> Thing:
    found: Thing = {"text": str(arguments.get("text") or "")}
    for name in ("blocks", "attachments", "metadata"):
        if arguments.get(name):
            found[name] = parsed(arguments[name])
    if not found["text"] and not found.get("blocks") and not found.get("attachments"):
        raise Wrong("no_text")
    if len(found["text"]) > 40_000:
        raise Wrong("msg_too_long")
    return found


def _author(caller: Caller) -> Thing:
    return {"user": caller.user, **({"bot_id": BOT_ID, "app_id": APP} if caller.kind == "bot" else {})}


@method("chat.postMessage", "chat:write")
def chat_post(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(
        arguments.get("channel"), caller.user, member="chat:write.public" not in caller.scopes
    )
    if channel["is_archived"]:
        raise Wrong("is_archived")
    thread = {"thread_ts": str(arguments["thread_ts"])} if arguments.get("thread_ts") else {}
    made = world.add(channel["id"], {**_author(caller), **_written(arguments), **thread})
    return {"channel": channel["id"], "ts": made["ts"], "message": made}


@method("chat.postEphemeral", "chat:write")
def chat_ephemeral(world: World, caller: Caller, arguments: Thing) -> Thing:
    world.place(arguments.get("channel"), caller.user)
    _written(arguments)
    return {"message_ts": world.new_ts()}


@method("chat.update", "chat:write")
def chat_update(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel"), caller.user)
    message = world.there(channel["id"], arguments.get("ts"))
    if message.get("user") != caller.user:
        raise Wrong("cant_update_message")
    message |= {**_written(arguments), "edited": {"user": caller.user, "ts": world.new_ts()}}
    return {"channel": channel["id"], "ts": message["ts"], "text": message["text"], "message": message}


@method("chat.delete", "chat:write")
def chat_delete(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel"), caller.user)
    message = world.there(channel["id"], arguments.get("ts"))
    if message.get("user") != caller.user:
        raise Wrong("cant_delete_message")
    world.messages[channel["id"]].remove(message)
    return {"channel": channel["id"], "ts": message["ts"]}


@method("chat.getPermalink")
def chatpermalink(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel"), caller.user)
    message = world.there(channel["id"], arguments.get("message_ts"))
    return {"channel": channel["id"], "permalink": permalink(channel["id"], message["ts"])}


def _reactions(world: World, caller: Caller, arguments: Thing) -> tuple[list[Thing], Thing | None, Thing]:
    channel = world.place(arguments.get("channel"), caller.user)
    message = world.there(channel["id"], arguments.get("timestamp"))
    reactions: list[Thing] = message.setdefault("reactions", [])
    return reactions, next((one for one in reactions if one["name"] == arguments.get("name")), None), message


@method("reactions.add", "reactions:write")
def reactions_add(world: World, caller: Caller, arguments: Thing) -> Thing:
    reactions, there, _ = _reactions(world, caller, arguments)
    if there is None:
        reactions.append({"name": arguments["name"], "users": [caller.user], "count": 1})
    elif caller.user in there["users"]:
        raise Wrong("already_reacted")
    else:
        there["users"].append(caller.user)
        there["count"] += 1
    return {}


@method("reactions.remove", "reactions:write")
def reactions_remove(world: World, caller: Caller, arguments: Thing) -> Thing:
    reactions, there, _ = _reactions(world, caller, arguments)
    if there is None or caller.user not in there["users"]:
        raise Wrong("no_reaction")
    there["users"].remove(caller.user)
    there["count"] -= 1
    if not there["users"]:
        reactions.remove(there)
    return {}


@method("reactions.get", "reactions:read")
def reactions_get(world: World, caller: Caller, arguments: Thing) -> Thing:
    _, _, message = _reactions(world, caller, arguments)
    return {"type": "message", "channel": arguments["channel"], "message": message}


# -- files -------------------------------------------------------------------------------------


@method("files.getUploadURLExternal", "files:write")
def files_url(world: World, caller: Caller, arguments: Thing) -> Thing:
    if not arguments.get("filename") or not int(arguments.get("length") or 0):
        raise Wrong("invalid_arguments")
    id_ = world.new_id("F")
    name = str(arguments["filename"])
    world.files[id_] = {
        "id": id_, "name": name, "title": name, "size": int(arguments["length"]), "user": caller.user,
        "created": int(time.time()),
        "mimetype": "text/plain", "filetype": "text", "mode": "hosted", "is_external": False, "channels": [],
        "shares": {},
    }  # fmt: skip
    return {"file_id": id_, "upload_url": f"{arguments['base']}/upload/v1/{id_}"}


@method("files.completeUploadExternal", "files:write")
def files_complete(world: World, caller: Caller, arguments: Thing) -> Thing:
    named = parsed(arguments.get("files", "[]"))
    if not named or any(one["id"] not in world.contents for one in named):
        raise Wrong("file_not_found")
    files = [world.files[one["id"]] for one in named]
    for file, one in zip(files, named, strict=True):
        file["title"] = one.get("title") or file["title"]
    if arguments.get("channel_id"):
        channel = world.place(arguments["channel_id"], caller.user)
        thread = {"thread_ts": str(arguments["thread_ts"])} if arguments.get("thread_ts") else {}
        text = str(arguments.get("initial_comment") or "")
        made = world.add(
            channel["id"],
            {
                **_author(caller),
                "text": text,
                "files": files,
                "upload": True,
                "subtype": "file_share",
                **thread,
            },
        )
        where = "private" if channel["is_private"] else "public"
        for file in files:
            file["channels"].append(channel["id"])
            file["shares"] = {where: {channel["id"]: [{"ts": made["ts"], **thread}]}}
    return {"files": files}


@method("files.info", "files:read")
def files_info(world: World, _: Caller, arguments: Thing) -> Thing:
    if arguments.get("file") not in world.files:
        raise Wrong("file_not_found")
    file = world.files[arguments["file"]]
    url = f"{arguments['base']}/files-pri/{TEAM}-{file['id']}/{file['name']}"
    return {"file": {**file, "url_private": url, "url_private_download": url}}


@method("files.delete", "files:write")
def files_delete(world: World, caller: Caller, arguments: Thing) -> Thing:
    id_ = arguments.get("file")
    if id_ not in world.files:
        raise Wrong("file_not_found")
    if world.files[id_]["user"] != caller.user:
        raise Wrong("cant_delete_file")
    del world.files[id_]
    for messages in world.messages.values():
        messages[:] = [one for one in messages if not any(file["id"] == id_ for file in one.get("files", ()))]
    return {}


# -- the app's own surfaces ----------------------------------------------------------------------


@method("views.publish")
@method("views.open")
@method("views.update")
def views(world: World, _: Caller, arguments: Thing) -> Thing:
    view = {"id": world.new_id("V"), "team_id": TEAM, "hash": world.new_ts(), **parsed(arguments["view"])}
    world.views[str(arguments.get("user_id") or arguments.get("trigger_id") or arguments.get("view_id"))] = (
        view
    )
    return {"view": view}


@method("assistant.threads.setStatus", "assistant:write")
@method("assistant.threads.setTitle", "assistant:write")
@method("assistant.threads.setSuggestedPrompts", "assistant:write")
def assistant(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel_id"), caller.user)
    world.there(channel["id"], arguments.get("thread_ts"))
    world.statuses.append({name: value for name, value in arguments.items() if name not in ("base", "token")})
    return {}


@method("chat.startStream", "chat:write")
def start_stream(world: World, caller: Caller, arguments: Thing) -> Thing:
    channel = world.place(arguments.get("channel"), caller.user)
    made = world.add(
        channel["id"],
        {
            **_author(caller),
            "text": _streamed(arguments),
            "thread_ts": str(arguments["thread_ts"]),
            "streaming": True,
        },
    )
    return {"channel": channel["id"], "ts": made["ts"]}


@method("chat.appendStream", "chat:write")
def append_stream(world: World, caller: Caller, arguments: Thing) -> Thing:
    message = world.there(world.place(arguments.get("channel"), caller.user)["id"], arguments.get("ts"))
    if not message.get("streaming"):
        raise Wrong("message_not_in_streaming_state")
    message["text"] += _streamed(arguments)
    return {"channel": arguments["channel"], "ts": message["ts"]}


@method("chat.stopStream", "chat:write")
def stop_stream(world: World, caller: Caller, arguments: Thing) -> Thing:
    answer = append_stream(world, caller, arguments)
    message = world.there(world.place(arguments.get("channel"), caller.user)["id"], arguments.get("ts"))
    message["streaming"] = False
    for name in ("blocks", "metadata"):
        if arguments.get(name):
            message[name] = parsed(arguments[name])
    return {**answer, "message": message}


def _streamed(arguments: Thing) -> str:
    """slack_sdk sends ``chunks``, others ``markdown_text``."""
    chunks = parsed(arguments.get("chunks") or "[]")
    return str(arguments.get("markdown_text") or "") + "".join(str(one.get("text", "")) for one in chunks)
