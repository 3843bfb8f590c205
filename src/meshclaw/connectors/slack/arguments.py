"""An action's arguments, each of the shape that it is declared to have."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from meshclaw.errors import Refused
from meshclaw.flow.action import Action

_EMOJI = 100
"""Characters of an emoji's name."""


def began(run: str) -> float:
    """Unix seconds at which the run began: its id is a UUIDv7."""
    return (UUID(run).int >> 80) / 1000


_LISTS = frozenset({"outside", "mentions", "everyone"})


def check(action: Action) -> None:
    """Arguments of another shape than declared never reach Slack."""
    for name, value in action.arguments.items():
        texts = value if name in _LISTS and isinstance(value, list) else [value]
        if (isinstance(value, list) and name not in _LISTS) or not all(isinstance(one, str) for one in texts):
            raise Refused(f"{action.verb}: {name} must be text, not {value!r}")


def text(action: Action, name: str) -> str:
    return cast("str", action.arguments[name])


def texts(action: Action, name: str) -> list[str]:
    value = action.arguments.get(name)
    return [value] if isinstance(value, str) else cast("list[str]", value or [])


def emoji(action: Action) -> str:
    name = text(action, "emoji").strip().strip(":")
    if not name or len(name) > _EMOJI or not all(c.isalnum() or c in "_+-':" for c in name):
        raise Refused(
            "that is no emoji's name", fix="Name it as Slack does: eyes, white_check_mark, thumbsup."
        )
    return name
