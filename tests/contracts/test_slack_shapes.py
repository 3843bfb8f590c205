"""Our tests' Slack answers as another one does, which others wrote: the same shapes, the same refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from meshclaw.connectors.slack import scopes
from tests.servers.emulate import PROGRAM, emulate
from tests.servers.slack import BOT_TOKEN, running

OP = {"event_type": "meshclaw_op", "event_payload": {"op": "0123456789abcdef"}}
Answer = dict[str, Any]
Call = Callable[[WebClient, dict[str, str]], Any]

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="emulate is not installed: make packages")


@pytest.fixture(scope="module")
def ours() -> Iterator[WebClient]:
    with running() as slack:
        for name in ("general", "deploys"):
            slack.world.channel(name)
        slack.world.user("kim", real_name="Kim Stone")
        slack.grant(*scopes.bot(), "channels:join")
        yield WebClient(BOT_TOKEN, base_url=slack.api, retry_handlers=[])


@pytest.fixture(scope="module")
def theirs() -> Iterator[WebClient]:
    with emulate() as api:
        yield WebClient(BOT_TOKEN, base_url=api, retry_handlers=[])


@pytest.fixture(scope="module")
def seen() -> dict[int, dict[str, str]]:
    """By client, what was found: a channel, a message, a person."""
    return {}


def found(client: WebClient, seen: dict[int, dict[str, str]]) -> dict[str, str]:
    if id(client) not in seen:
        channels = client.conversations_list().data["channels"]  # type: ignore[index]
        channel = next(one["id"] for one in channels if one["name"] == "deploys")
        client.conversations_join(channel=channel)
        ts = client.chat_postMessage(channel=channel, text="hello", metadata=OP).data["ts"]  # type: ignore[index]
        client.chat_postMessage(channel=channel, text="an answer", thread_ts=ts)
        people = client.users_list().data["members"]  # type: ignore[index]
        kim = next(one["id"] for one in people if one["name"] == "kim")
        seen[id(client)] = {"channel": channel, "ts": ts, "kim": kim}
    return seen[id(client)]


def answered(client: WebClient, call: Call, at: dict[str, str]) -> Answer:
    try:
        return dict(call(client, at).data)
    except SlackApiError as error:
        return dict(error.response.data)


READS: dict[str, tuple[Call, str]] = {
    "auth.test": (lambda c, _: c.auth_test(), "ok url team user team_id user_id bot_id"),
    "conversations.list": (
        lambda c, _: c.conversations_list(types="public_channel", limit=1),
        "ok channels.id channels.name channels.is_private channels.is_member response_metadata.next_cursor",
    ),
    "conversations.info": (lambda c, at: c.conversations_info(channel=at["channel"]),
    "ok channel.id channel.name channel.is_private"),
    "conversations.history": (
        lambda c, at: c.conversations_history(channel=at["channel"], include_all_metadata=True),
        "ok has_more messages.ts messages.user messages.text messages.reply_count messages.metadata.event_payload.op",
    ),
    "conversations.replies": (
        lambda c, at: c.conversations_replies(channel=at["channel"], ts=at["ts"]),
        "ok has_more messages.ts messages.text messages.thread_ts",
    ),
    "users.list": (
        lambda c, _: c.users_list(limit=200),
        "ok members.id members.name members.team_id members.deleted members.is_bot members.profile.real_name",
    ),
    "users.info": (lambda c, at: c.users_info(user=at["kim"]), "ok user.id user.name user.profile.real_name"),
    "users.lookupByEmail": (lambda c, _: c.users_lookupByEmail(email="kim@acme.example"), "ok user.id"),
    "conversations.open": (lambda c, at: c.conversations_open(users=at["kim"]), "ok channel.id"),
    "chat.postMessage": (
        lambda c, at: c.chat_postMessage(channel=at["channel"], text="again", metadata=OP),
        "ok ts channel message.text message.user",
    ),
    "reactions.add": (lambda c, at: c.reactions_add(channel=at["channel"], timestamp=at["ts"], name="eyes"), "ok"),
    "reactions.get": (
        lambda c, at: c.reactions_get(channel=at["channel"], timestamp=at["ts"]),
        "ok message.reactions.name message.reactions.users",
    ),
    "files.getUploadURLExternal": (
        lambda c, _: c.files_getUploadURLExternal(filename="a.txt", length=2), "ok file_id upload_url",
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", READS)
def test_what_we_read_stands_in_both_and_is_of_one_kind(
    ours: WebClient, theirs: WebClient, seen: dict[int, dict[str, str]], method: str
) -> None:
    call, paths = READS[method]
    own, other = (answered(client, call, found(client, seen)) for client in (ours, theirs))
    for path in paths.split():
        kinds = [{type(value) for value in at(answer, path.split("."))} for answer in (own, other)]
        assert kinds[0], f"ours has no {path}: {own}"
        assert kinds[1], f"theirs has no {path}: {other}"
        assert kinds[0] == kinds[1], path


def at(value: Any, path: list[str]) -> Iterator[Any]:
    """Every value there is at the path; lists are walked through."""
    if isinstance(value, list):
        for one in value:
            yield from at(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from at(value[path[0]], path[1:])


# Slack's reference says thread_not_found and invalid_auth where emulate answers an empty thread and takes any token.
REFUSED: dict[str, Call] = {
    "channel_not_found": lambda c, _: c.chat_postMessage(channel="C0NONE", text="x"),
    "no_text": lambda c, at: c.chat_postMessage(channel=at["channel"], text=""),
    "message_not_found": lambda c, at: c.chat_delete(channel=at["channel"], ts="1.000100"),
    "already_reacted": lambda c, at: (
        c.reactions_add(channel=at["channel"], timestamp=at["ts"], name="wave"),
        c.reactions_add(channel=at["channel"], timestamp=at["ts"], name="wave"),
    ),
    "no_reaction": lambda c, at: c.reactions_remove(channel=at["channel"], timestamp=at["ts"], name="tada"),
    "user_not_found": lambda c, _: c.users_info(user="U0NONE"),
    "users_not_found": lambda c, _: c.users_lookupByEmail(email="nobody@acme.example"),
    "file_not_found": lambda c, _: c.files_info(file="F0NONE"),
}


@pytest.mark.filterwarnings("ignore:The top-level `text` argument")
@pytest.mark.parametrize("code", REFUSED)
def test_both_refuse_with_the_same_word(
    ours: WebClient, theirs: WebClient, seen: dict[int, dict[str, str]], code: str
) -> None:
    own, other = (answered(client, REFUSED[code], found(client, seen)) for client in (ours, theirs))
    assert (own["ok"], own["error"]) == (False, code)
    assert (other["ok"], other["error"]) == (False, code)
