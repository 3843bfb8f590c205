"""The client against a Slack that breaks off, waits, refuses and answers nonsense."""

from __future__ import annotations

import time

import msgspec
import pytest

from meshclaw.connectors.slack.client import Client, Page
from meshclaw.connectors.slack.once import find, post
from meshclaw.errors import (
    Garbled,
    MeshClawError,
    NotFound,
    NotReachable,
    Refused,
    SignInNeeded,
    Throttled,
    TooLong,
    Uncertain,
    UserError,
)  # fmt: skip
from meshclaw.settings.slack import Workspace
from tests.connectors.slack.conftest import client_of
from tests.servers.slack import BOT_TOKEN, Fault, Slack
from tests.servers.slack.world import BOT, TEAM

OP = "0123456789abcdef0123456789abcdef"


class Found(msgspec.Struct):
    ok: bool


class Users(Page, frozen=True, kw_only=True):
    members: list[dict[str, object]]


def test_auth_test_says_who_and_with_which_scopes(slack: Slack) -> None:
    slack.grant("chat:write", "users:read")
    proved = client_of(slack).prove()
    assert (proved.team_id, proved.user_id, proved.scopes) == (TEAM, BOT, ("chat:write", "users:read"))


@pytest.mark.parametrize(
    "fault", [Fault("drop"), Fault("status", status=503), Fault("error", code="internal_error")]
)
def test_a_read_that_breaks_off_is_asked_again(slack: Slack, fault: Fault) -> None:
    slack.faults.add("users.list", fault)
    assert client_of(slack).read("users.list", Found).ok
    assert len(slack.calls("users.list")) == 2


def test_a_read_that_breaks_off_three_times_is_told(slack: Slack) -> None:
    slack.faults.add("users.list", Fault("drop", times=3))
    with pytest.raises(NotReachable, match="broke off"):
        client_of(slack).read("users.list", Found)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "fault", [Fault("drop"), Fault("status"), Fault("error", code="fatal_error"), Fault("garbage")]
)
def test_a_write_goes_out_once_and_in_doubt_says_so(slack: Slack, fault: Fault, done: bool) -> None:
    channel = slack.world.channel("deploys")
    slack.faults.add("chat.postMessage", msgspec.structs.replace(fault, done=done))
    with pytest.raises(Uncertain):
        client_of(slack).write("chat.postMessage", Found, {"channel": channel, "text": "hello"})
    assert len(slack.calls("chat.postMessage")) == 1
    assert slack.world.texts(channel) == (["hello"] if done else [])


def test_nothing_was_written_where_nobody_listens(slack: Slack) -> None:
    client = client_of(slack)
    slack.web.stop()
    try:
        with pytest.raises(NotReachable, match="cannot be reached"):
            client.write("chat.postMessage", Found, {"channel": "C1", "text": "hello"})
    finally:
        slack.web.stop = lambda: None  # type: ignore[method-assign]


def test_a_rate_limit_is_waited_for_and_the_write_sent_again(slack: Slack) -> None:
    channel = slack.world.channel("deploys")
    slack.faults.add("chat.postMessage", Fault("rate", seconds=1))
    client_of(slack, sleep=time.sleep).write("chat.postMessage", Found, {"channel": channel, "text": "hello"})
    first, second = slack.calls("chat.postMessage")
    assert 1.0 <= second.at - first.at < 3.0
    assert slack.world.texts(channel) == ["hello"]


def test_a_rate_limit_longer_than_the_wait_is_told_and_kept_in_mind(slack: Slack) -> None:
    slack.faults.add("users.list", Fault("rate", seconds=60))
    client = client_of(slack)
    for _ in range(2):  # the second call does not even go out
        with pytest.raises(Throttled) as told:
            client.read("users.list", Found)
        assert told.value.retry_after == pytest.approx(60, abs=1)
    assert len(slack.calls("users.list")) == 1


CODES: list[tuple[str, type[MeshClawError]]] = [
    ("invalid_auth", SignInNeeded), ("token_revoked", SignInNeeded), ("account_inactive", SignInNeeded),
    ("channel_not_found", NotFound), ("users_not_found", NotFound), ("message_not_found", NotFound),
    ("not_in_channel", Refused), ("is_archived", Refused), ("msg_too_long", TooLong), ("something_new", Refused),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CODES)
def test_what_slack_refuses_did_not_happen(slack: Slack, code: str, expected: type[MeshClawError]) -> None:
    slack.faults.add("chat.postMessage", Fault("error", code=code))
    with pytest.raises(expected) as told:
        client_of(slack).write("chat.postMessage", Found, {"channel": "C1", "text": "hello"})
    assert told.value.code == expected.code


def test_a_missing_scope_is_named(slack: Slack) -> None:
    slack.grant("chat:write")
    with pytest.raises(Refused, match="users:read") as told:
        client_of(slack).read("users.list", Found)
    assert "meshclaw slack manifest" in told.value.fix


def test_a_read_that_cannot_be_understood_is_garbled(slack: Slack) -> None:
    slack.faults.add("users.list", Fault("garbage", done=True))
    with pytest.raises(Garbled):
        client_of(slack).read("users.list", Found)


def test_pages_are_followed_up_to_a_bound(slack: Slack) -> None:
    for number in range(7):
        slack.world.user(f"user{number}")
    pages = list(client_of(slack).pages("users.list", Users, {"limit": 2}, most=3))
    assert [len(page.members) for page in pages] == [2, 2, 2]
    assert pages[-1].response_metadata.next_cursor


def test_no_token_stands_in_an_error(slack: Slack) -> None:
    slack.faults.add("*", Fault("error", code=BOT_TOKEN))
    with pytest.raises(MeshClawError) as told:
        client_of(slack).read("users.list", Found)
    assert BOT_TOKEN not in f"{told.value.message}{told.value.fix}"


@pytest.mark.parametrize(
    "api", ["http://slack.example/api/", "ftp://127.0.0.1/", "https://me@slack.com/api/", "slack.com"]
)
def test_tokens_are_sent_over_tls_or_to_this_machine_alone(api: str) -> None:
    with pytest.raises(UserError, match="no address to send tokens to"):
        Client(Workspace(team=TEAM, host="acme.slack.com", api=api))


# -- once --------------------------------------------------------------------------------------


def test_a_post_whose_answer_is_lost_is_found_and_not_posted_again(slack: Slack) -> None:
    channel = slack.world.channel("deploys")
    slack.faults.add("chat.postMessage", Fault("drop", done=True))
    since = time.time()
    posted = post(client_of(slack), channel, "hello", op=OP, since=since, sleep=lambda _: None)
    assert [posted.ts] == [one["ts"] for one in slack.world.messages[channel]]
    assert find(client_of(slack), channel, OP, since=since) == posted.ts


def test_a_post_in_a_thread_is_found_there(slack: Slack) -> None:
    channel = slack.world.channel("deploys")
    thread = slack.say(channel, "U0ME", "how is it going?")
    slack.faults.add("chat.postMessage", Fault("drop", done=True))
    posted = post(
        client_of(slack), channel, "well", op=OP, since=time.time(), thread=thread, sleep=lambda _: None
    )
    assert slack.world.there(channel, posted.ts)["thread_ts"] == thread


def test_a_post_that_did_not_happen_stays_in_doubt(slack: Slack) -> None:
    channel = slack.world.channel("deploys")
    slack.faults.add("chat.postMessage", Fault("drop"))
    with pytest.raises(Uncertain):
        post(client_of(slack), channel, "hello", op=OP, since=time.time(), sleep=lambda _: None)
    assert find(client_of(slack), channel, OP, since=time.time(), sleep=lambda _: None) is None


def test_doubt_stays_doubt_where_nobody_may_look(slack: Slack) -> None:
    channel = slack.world.channel("deploys")
    slack.faults.add("chat.postMessage", Fault("drop", done=True))
    slack.faults.add("conversations.history", Fault("error", code="not_in_channel"))
    with pytest.raises(Uncertain):
        post(client_of(slack), channel, "hello", op=OP, since=time.time(), sleep=lambda _: None)


def test_too_much_to_look_through_is_doubt(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    channel, since = slack.world.channel("deploys"), time.time()
    for number in range(5):
        slack.say(channel, "U0ME", f"{number}")
    monkeypatch.setattr("meshclaw.connectors.slack.client.PAGE", 2)
    monkeypatch.setattr("meshclaw.connectors.slack.once.MOST_PAGES", 2)
    with pytest.raises(Uncertain, match="too much"):
        find(client_of(slack), channel, OP, since=since)


FORGED = [
    {"event_type": "other", "event_payload": {"op": OP}}, {"event_type": "meshclaw_op",
    "event_payload": {"op": "other"}},
    {"event_type": "meshclaw_op", "event_payload": {"op": OP}},
]  # fmt: skip


@pytest.mark.parametrize("metadata", FORGED)
def test_what_somebody_else_wrote_proves_nothing(slack: Slack, metadata: dict[str, object]) -> None:
    channel, since = slack.world.channel("deploys"), time.time()
    slack.say(channel, "U0ME", "hello", metadata=metadata)
    assert find(client_of(slack), channel, OP, since=since, sleep=lambda _: None) is None
