"""Which coding agents may be started: a file each, ``coding/NAME.toml`` of the state folder. No secret is ever in one.

command = ["/opt/agents/node_modules/.bin/claude-code-acp"]    # speaks the Agent Client Protocol
reads = ["/opt/agents"]                                        # shown to it besides the system, read-only
hosts = ["api.anthropic.com"]                                  # what it may reach: its model's vendor
minutes = 30                                                   # one task at most
dollars = 2.0                                                  # one task, as far as it tells what it costs
[secrets]
ANTHROPIC_API_KEY = "api.anthropic.com"                        # held in the keyring, put in for this host alone
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from meshclaw.errors import UserError
from meshclaw.settings.boxes import Files, Named, check_name, check_program

FOLDER = "coding"


class Coder(Named, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One coding agent as it is to be started."""

    command: tuple[str, ...] = ()
    """Absolute path and arguments."""
    reads: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    env: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    secrets: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """By environment variable, the one host that gets the value."""
    minutes: Annotated[int, msgspec.Meta(gt=0, le=600)] = 30
    dollars: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 2.0

    def keyring_of(self, variable: str) -> str:
        return f"coding:{self.name}:{variable}"


class Coders(Files[Coder]):
    """Those whose files lie in ``folder``/coding."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / FOLDER, Coder, checked, what="coding agent", noun="coding")


def checked(coder: Coder) -> Coder:
    """Raises UserError for what cannot be meant."""
    check_name(coder.name)
    if not coder.command:
        raise UserError(f"the coding agent {coder.name!r} has no command", fix="Name its program.")
    check_program((coder.command[0], *coder.reads), coder.env, coder.secrets)
    return coder
