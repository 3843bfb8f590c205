"""Which MCP servers there are: a file each, ``mcp/NAME.toml`` of the state folder. No secret is ever in one.

command = ["/opt/notes/bin/notes-server", "--all"]     # a program, run in a sandbox
reads = ["/opt/notes"]                                  # shown to it besides the system, read-only
folder = "/home/ada/notes"                              # the one it may write to; else an empty one, gone afterwards
hosts = ["api.example.com"]                             # what it may reach; else nothing
[secrets]
NOTES_TOKEN = "api.example.com"                         # held in the keyring, put in on the way to this host alone

url = "https://wiki.example.com/mcp"                    # or a server elsewhere
key = "keyring"                                         # sent to it as a bearer token; also "env:NAME"
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from meshclaw.errors import SignInNeeded, UserError
from meshclaw.settings.boxes import Files, Named, check_name, check_program, is_variable
from meshclaw.settings.loopback import is_loopback
from meshclaw.settings.secrets import from_keyring

FOLDER = "mcp"
TAKEN = frozenset("mail skill slack memory coding mcp effect".split())
"""Names of connectors of ours and of groups that policies speak of: no server may look like one of them."""

Count = Annotated[int, msgspec.Meta(gt=0, le=3600)]


class Server(Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MCP server as it is to be used; its connector is called like it."""

    command: tuple[str, ...] = ()
    """Absolute path and arguments; run in a sandbox."""
    url: str = ""
    """Of a server elsewhere (streamable HTTP), in place of ``command``."""
    reads: tuple[str, ...] = ()
    folder: str = ""
    """Empty: a folder of its own that is gone when it ends."""
    hosts: tuple[str, ...] = ()
    """``host`` or ``host:port``, as in ``api.example.com``."""
    env: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    secrets: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """By environment variable, the one host (or ``host:port``) that gets the value."""
    key: str = ""
    """``keyring``, ``env:NAME`` or empty: no key."""
    seconds: Count = 60
    """How long one call may take."""

    @property
    def keyring(self) -> str:
        return f"mcp:{self.name}"

    def keyring_of(self, variable: str) -> str:
        return f"mcp:{self.name}:{variable}"


class Servers(Files[Server]):
    """Those whose files lie in ``folder``/mcp."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FOLDER, Server, checked, what="MCP server", noun="mcp")


def checked(server: Server) -> Server:
    """Raises UserError for what cannot be meant."""
    name = server.name
    check_name(name)
    if name in TAKEN:
        raise UserError(f"the name {name!r} is taken by a connector of ours", fix=f"Call it {name}-server.")
    if bool(server.command) == bool(server.url):
        raise UserError(f"the server {name!r} has either a command or a url")
    if server.url:
        _check_url(server)
    else:
        _check_command(server)
    return server


def _check_url(server: Server) -> None:
    url = urlsplit(server.url)
    if not url.hostname or not (
        url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname))
    ):
        raise UserError(f"the url of {server.name!r} must be https://, or http:// on this machine")
    if url.username or url.password or url.fragment:
        raise UserError(f"the url of {server.name!r} must not hold a name, a password or a fragment")
    if server.folder or server.reads or server.hosts or server.env or server.secrets:
        raise UserError(
            f"{server.name!r} runs elsewhere, so there are no folders, hosts or secrets to give it",
            fix="Use key.",
        )
    if (
        server.key
        and server.key != "keyring"
        and not (server.key.startswith("env:") and is_variable(server.key[4:]))
    ):
        raise UserError(  # what stands there may be a key: it is not repeated
            f"the key of {server.name!r} is neither keyring nor env:NAME; a key itself must not stand in a file"
        )


def _check_command(server: Server) -> None:
    if server.key:
        raise UserError(f"{server.name!r} is a program: give it a secret by name, in [secrets]")
    paths = (server.command[0], *server.reads, *filter(None, (server.folder,)))
    check_program(paths, server.env, server.secrets)


def key_of(server: Server) -> str:
    """The bearer token of a server elsewhere; empty where there is none. SignInNeeded where it is missing."""
    if not server.key:
        return ""
    if server.key == "keyring":
        return from_keyring(server.keyring, fix=f"meshclaw mcp add {server.name}", other_ways=_OTHER_WAYS)
    variable = server.key.removeprefix("env:")
    if not (key := os.environ.get(variable, "")):
        raise SignInNeeded(
            f"the variable {variable!r}, which should hold the key of {server.name!r}, is not set",
            fix="Set it.",
        )
    return key


_OTHER_WAYS = 'Name an environment variable in its file: key = "env:NAME".'
