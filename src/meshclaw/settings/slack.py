"""The Slack workspaces a person connected: ``slack.json`` of the state folder. No token is ever in it.

Tokens lie in the system's keyring under ``slack:TEAM:KIND``, or in a file that only the person can read, one on a line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from meshclaw.errors import Damaged, NotFound, SignInNeeded, UserError
from meshclaw.settings.loopback import is_loopback
from meshclaw.settings.secrets import drop_from_keyring, from_keyring, read_file, to_keyring

Kind = Literal["bot", "app", "user"]
"""``bot`` acts and reads, ``app`` opens the socket, ``user`` (not needed) searches what the person may see."""
PREFIX: dict[Kind, str] = {"bot": "xoxb-", "app": "xapp-", "user": "xoxp-"}
"""How Slack's tokens of each kind begin."""
API = "https://slack.com/api/"
FILE = "slack.json"
_BEGINNINGS = f"They begin with {', '.join(PREFIX.values())}"

_OTHER_WAYS = (
    "Put the tokens into a file that only you can read, one on a line, and connect with --secret-file FILE."
)


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    team: str
    """``T0123``; an organisation-wide installation has ``E0123``."""
    host: str
    """``acme.slack.com``: how people and addresses name it."""
    enterprise: str = ""
    """``E0123`` where the company has several workspaces: people of all of them are colleagues."""
    name: str = ""
    bot: str = ""
    """The claw's own user id there: what it wrote itself is never a request."""
    me: str = ""
    """The person's user id: only their words and clicks count."""
    tokens: tuple[Kind, ...] = ("bot", "app")
    """Those that there are."""
    secret_file: str = ""
    """Path of a file with the tokens; empty means the keyring of the system."""
    api: str = API
    """Another one only for Slack's government cloud, or on this machine."""

    @property
    def own(self) -> str:
        """The person's address there, in normal form."""
        return f"{self.me}@{self.host}".lower()

    @property
    def subject(self) -> str:
        """What a run on it is about: ``slack:acme.slack.com``."""
        return f"slack:{self.host}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    workspaces: tuple[Workspace, ...] = ()


class Workspaces:
    """``folder`` holds ``slack.json``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def all(self) -> tuple[Workspace, ...]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_File).workspaces
        except FileNotFoundError:
            return ()
        except msgspec.MsgspecError as error:
            raise Damaged(
                f"{str(self.path)!r} cannot be read ({error})",
                fix="Mend it, or move it away and connect again.",
            ) from error

    def get(self, named: str = "") -> Workspace:
        """The one with that host, first part of the host, team id or subject; the only one where none is named."""
        known, wanted = self.all(), named.removeprefix("slack:")
        found = [
            one for one in known if not wanted or wanted in (one.host, one.host.partition(".")[0], one.team)
        ]
        if len(found) == 1:
            return found[0]
        hosts = ", ".join(one.host for one in known) or "none"
        raise NotFound(
            f"which Slack workspace? connected: {hosts}",
            fix="Name one of them, or connect it: meshclaw slack connect",
        )

    def put(self, workspace: Workspace) -> None:
        self._write((*(one for one in self.all() if one.team != workspace.team), workspace))

    def remove(self, team: str) -> None:
        self._write(tuple(one for one in self.all() if one.team != team))

    def _write(self, workspaces: tuple[Workspace, ...]) -> None:
        partial = self.path.with_suffix(".part")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(_File(workspaces=workspaces)), indent=2))
        partial.replace(self.path)


def token_of(workspace: Workspace, kind: Kind) -> str:
    """Asked for each time it is needed. SignInNeeded where there is none."""
    again = f"meshclaw slack connect {workspace.host}"
    if kind not in workspace.tokens:
        raise SignInNeeded(f"{workspace.host} was connected without {_a(kind)} token", fix=again)
    if not workspace.secret_file:
        return from_keyring(f"slack:{workspace.team}:{kind}", fix=again, other_ways=_OTHER_WAYS)
    found = tokens_in(read_file(Path(workspace.secret_file)))
    if kind not in found:
        raise SignInNeeded(
            f"the file {workspace.secret_file!r} holds no {kind} token", fix=f"It begins with {PREFIX[kind]}"
        )
    return found[kind]


def keep_token(workspace: Workspace, kind: Kind, token: str) -> None:
    to_keyring(f"slack:{workspace.team}:{kind}", token, other_ways=_OTHER_WAYS)


def forget_tokens(workspace: Workspace) -> None:
    """From the keyring; a file is the person's own."""
    if not workspace.secret_file:
        for kind in workspace.tokens:
            drop_from_keyring(f"slack:{workspace.team}:{kind}")


def tokens_in(text: str) -> dict[Kind, str]:
    """One on a line, told apart by how they begin. UserError for a line that is none, which is not repeated."""
    found: dict[Kind, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not (token := line.strip()):
            continue
        if (kind := kind_of(token)) is None:
            raise UserError(f"line {number} is no Slack token", fix=_BEGINNINGS)
        found[kind] = token
    return found


def kind_of(token: str) -> Kind | None:
    """Which kind of token it is, as far as its form tells."""
    whole = token.isascii() and token.isprintable() and " " not in token
    return next((kind for kind, start in PREFIX.items() if whole and token.startswith(start)), None)


def checked_api(url: str) -> str:
    """``url`` where tokens may be sent: over TLS, or to this machine. UserError anywhere else."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.username:
        raise UserError(f"{url!r} is no address to send tokens to", fix=f"The usual one is {API}")
    return url if url.endswith("/") else f"{url}/"


def _a(kind: Kind) -> str:
    return f"an {kind}" if kind == "app" else f"a {kind}"
