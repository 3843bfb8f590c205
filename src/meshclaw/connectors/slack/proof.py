"""That a workspace works, one thing at a time: each token, the scopes, the socket, and who the person is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from meshclaw.connectors.slack import scopes
from meshclaw.connectors.slack.client import Client, Proved
from meshclaw.errors import MeshClawError, Refused, UserError
from meshclaw.flow.action import Value
from meshclaw.settings.slack import Workspace


class Check(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    ok: bool
    told: str
    """What was seen, or what is wrong."""
    fix: str = ""
    needed: bool = True
    """Without it nothing of Slack works."""


class _Opened(msgspec.Struct, frozen=True):
    url: str


class _Id(msgspec.Struct, frozen=True):
    id: str


class _User(msgspec.Struct, frozen=True):
    user: _Id


def checks(client: Client) -> Iterator[Check]:
    """In the order in which they build on one another."""
    yield _checked("bot token", lambda: _bot(client))
    yield _checked("first scopes", lambda: _core(client))
    yield _checked("all scopes", lambda: _scopes(client), needed=False)
    yield _checked("socket", lambda: _socket(client), needed=False)
    if "user" in client.workspace.tokens:
        yield _checked("user token", lambda: _user(client), needed=False)
    yield _checked("you", lambda: _you(client), needed=False)


def _checked(name: str, look: Callable[[], str], *, needed: bool = True) -> Check:
    try:
        return Check(name=name, ok=True, told=look(), needed=needed)
    except MeshClawError as error:
        return Check(name=name, ok=False, told=error.message, fix=error.fix, needed=needed)


def _bot(client: Client) -> str:
    proved = client.prove()
    if client.workspace.team not in ("", proved.team_id):
        raise Refused(f"the token is of another workspace, {host_of(proved)}", fix="meshclaw slack connect")
    return f"{host_of(proved)}, as @{proved.user}"


CORE = frozenset({"channels:read", "chat:write", "users:read"})
"""Without these scopes nothing works; without another one, what it is for does not."""


def _scopes(client: Client) -> str:
    granted, needed = set(client.prove().scopes), scopes.bot()
    if missing := sorted(needed.keys() - granted):
        raise Refused(
            f"the app lacks {len(missing)} of {len(needed)}: {', '.join(missing)}",
            fix="What each is for: meshclaw slack manifest. Add them to the app and install it again.",
        )
    extra = sorted(granted - needed.keys())
    return f"all {len(needed)}" + (f"; more than it needs: {', '.join(extra)}" if extra else "")


def _core(client: Client) -> str:
    if missing := sorted(CORE - set(client.prove().scopes)):
        raise Refused(
            f"without {', '.join(missing)} it can do nothing",
            fix="Make the app from: meshclaw slack manifest",
        )
    return "reads channels and people, and posts"


def _socket(client: Client) -> str:
    """A connection is promised; none is made, for another claw may hold it."""
    client.read("apps.connections.open", _Opened, by="app")
    return "may be opened"


def _user(client: Client) -> str:
    proved = client.prove("user")
    if client.workspace.me not in ("", proved.user_id):
        raise Refused(
            f"the user token is @{proved.user}'s, not yours", fix="Connect with a token of your own."
        )
    return f"yours, @{proved.user}: the search sees what you may see"


def _you(client: Client) -> str:
    if not client.workspace.me:
        raise UserError(
            "it does not know who you are in Slack", fix="meshclaw slack connect --me you@example.com"
        )
    return client.workspace.me


def describe(client: Client, me: str) -> Workspace:
    """The workspace as its bot token tells it. ``me``: the person's address or user id there; empty, by user token."""
    proved = client.prove()
    found = msgspec.structs.replace(
        client.workspace, team=proved.team_id, host=host_of(proved), name=proved.team, bot=proved.user_id,
        enterprise=proved.enterprise_id or "",
    )  # fmt: skip
    if not me and "user" in found.tokens:
        me = client.prove("user").user_id
    if "@" in me:
        asked: dict[str, Value] = {"email": me}
        me = client.read("users.lookupByEmail", _User, asked).user.id
    elif me:
        asked = {"user": me}
        me = client.read("users.info", _User, asked).user.id
    return msgspec.structs.replace(found, me=me)


def host_of(proved: Proved) -> str:
    """``acme.slack.com`` of ``https://acme.slack.com/``."""
    return proved.url.removeprefix("https://").partition("/")[0].lower()
