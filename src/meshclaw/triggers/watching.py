"""When what a watch sees is news: on a change alone, not in its cooldown, less often where it flaps. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from meshclaw.flow.watch import Look, Seen, When
from meshclaw.triggers import pattern
from meshclaw.triggers.store import Kept

MOST_CALM = 5
"""Times that the cooldown is doubled where it flaps."""
FLAPPING = 4
"""Cooldowns within which another fire counts as flapping."""


class Watched(Kept, frozen=True, kw_only=True):
    look: Look
    when: When
    every_s: int = 60
    """Between two looks."""
    steady: int = 1
    """Looks in a row that must see the same before it is news."""
    cooldown_s: int = 300
    """Between two fires; what comes in between is told afterwards, if it still holds."""
    patience: int = 3
    """Looks in a row that may fail before that is told."""
    words: str = ""
    """What is asked then; empty: the person is only told."""
    agent: str = "claw"
    intent: str = ""
    subject: str = ""
    """Which mailbox, where several are connected."""
    urgent: bool = False
    """It does not wait for the end of quiet hours."""
    digest: str = ""
    """Of the agent's files as the person knew them."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a watch."""

    known: bool = False
    """It has looked at least once; the first look is what later ones are compared with."""
    told: str = ""
    """As it stood when the person last knew it."""
    words: str = ""
    """The same in words."""
    coming: str = ""
    """As it has stood lately, if that differs."""
    row: int = 0
    """Looks in a row that saw that."""
    fired: str = ""
    """When last, RFC 3339."""
    fires: int = 0
    calm: int = 0
    """How often the cooldown was doubled."""
    failures: int = 0
    """Looks in a row that could not be made."""


News = Literal["", "fired", "lost", "back"]
"""``lost``: it could not look for a while; ``back``: it can again."""


def holds(when: When, seen: Seen) -> bool:
    """Of every kind but ``changed``, which compares two looks."""
    match when.kind:
        case "changed":
            return False
        case "works":
            return seen.ok
        case "fails":
            return not seen.ok
        case "matches":
            return pattern.found(when.pattern, seen.text)
        case "over":
            return seen.value is not None and seen.value > when.number
        case "under":
            return seen.value is not None and seen.value < when.number


def saw(
    watch: Watched, state: State, seen: Seen, now: datetime, *, held: bool, quiet: bool = False
) -> tuple[State, News]:
    """After a look. ``held``: what ``holds`` said of it; ``quiet``: nothing is told now, so nothing is news yet."""
    back: News = "back" if state.failures >= watch.patience else ""
    stands = seen.mark if watch.when.kind == "changed" else str(held)
    if not state.known or stands == state.told:
        told = seen.words if not state.known else state.words
        return msgspec.structs.replace(
            state, known=True, told=stands, words=told, coming="", row=0, failures=0
        ), back
    row = state.row + 1 if stands == state.coming else 1
    state = msgspec.structs.replace(state, coming=stands, row=row, failures=0)
    if row < watch.steady:
        return state, back
    if watch.when.kind != "changed" and not held:  # it is over: the next time is news again
        return msgspec.structs.replace(state, told=stands, words=seen.words, coming="", row=0), back
    since = _since(state, now)
    pause = timedelta(seconds=watch.cooldown_s) * 2**state.calm
    if quiet or (since is not None and since < pause):
        return state, back
    flaps = since is not None and since < pause * FLAPPING
    return msgspec.structs.replace(
        state, told=stands, words=seen.words, coming="", row=0, fired=now.isoformat(), fires=state.fires + 1,
        calm=min(state.calm + 1, MOST_CALM) if flaps else 0,
    ), "fired"  # fmt: skip


def could_not_look(watch: Watched, state: State) -> tuple[State, News]:
    failures = min(state.failures + 1, watch.patience)
    news: News = "lost" if state.failures < failures == watch.patience else ""
    return msgspec.structs.replace(state, failures=failures), news


def _since(state: State, now: datetime) -> timedelta | None:
    """Since the last fire; a clock that went back lets no watch sleep for ever."""
    if not state.fired:
        return None
    return (
        max(now - datetime.fromisoformat(state.fired), timedelta())
        if state.fired <= now.isoformat()
        else None
    )
