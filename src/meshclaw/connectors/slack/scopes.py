"""The Slack app that the claw needs: its manifest, and the scopes in it with the reason for each."""

from __future__ import annotations

import re
from pathlib import Path

MANIFEST = Path(__file__).with_name("app.yaml")
_SCOPE = re.compile(r"^ {6}- ([a-z_]+(?:[:.][a-z.]+)*)\s+# (.+)$")


def manifest() -> str:
    """As Slack takes it: YAML."""
    return MANIFEST.read_text("utf-8")


def bot() -> dict[str, str]:
    """Why each scope of the bot is needed."""
    return _of("bot")


def user() -> dict[str, str]:
    """The same of the user token, which is not needed."""
    return _of("user")


def _of(part: str) -> dict[str, str]:
    """Lines below ``bot:`` or ``user:`` as long as they are scopes."""
    lines = iter(manifest().splitlines())
    found: dict[str, str] = {}
    for line in lines:
        if line.strip().partition("#")[0].strip() == f"{part}:":
            for below in lines:
                if (scope := _SCOPE.match(below)) is None:
                    return found
                found[scope[1]] = scope[2].strip()
    return found
