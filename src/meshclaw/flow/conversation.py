"""What is said between a run and a model: turns, the tools it may call, and its reply."""

from __future__ import annotations

import msgspec

from meshclaw.flow.action import Value
from meshclaw.flow.usage import Tokens


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An action that the model wants; nothing is done before the guard has decided."""

    id: str
    """As the model named it; the answer goes back under it."""
    verb: str
    arguments: dict[str, Value]
    malformed: str = ""
    """Why it cannot be done as it stands, for the model to be told: arguments that are no JSON object, a tool that
    nobody offered. Nothing is guessed at or mended, and ``arguments`` is empty then."""


class Heard(msgspec.Struct, frozen=True, kw_only=True, tag="heard"):
    """The person's words, or ours to the model where ``by_claw``."""

    text: str
    by_claw: bool = False


class Said(msgspec.Struct, frozen=True, kw_only=True, tag="said"):
    """What the model answered."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    kept: str = ""
    """What its vendor wants back unchanged (signed thoughts), as JSON of the adapter; never shown, never parsed."""


class Got(msgspec.Struct, frozen=True, kw_only=True, tag="got"):
    """What became of one call: data, never instruction."""

    call: str
    verb: str
    text: str
    failed: bool = False


Turn = Heard | Said | Got


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One verb as the model sees it."""

    verb: str
    words: str
    schema: dict[str, Value]
    """JSON Schema of its arguments, an object."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """Laid out for prompt caches: ``fixed`` and ``tools`` are the same in every step of every run of an agent."""

    fixed: str
    tools: tuple[Tool, ...] = ()
    turns: tuple[Turn, ...] = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    said: Said
    tokens: Tokens
    model: str
    """As the server names the one that answered."""
    provider: str
    cut: bool = False
    """It ran into the limit of output tokens, or nobody says why it ended: what it says may be half of it."""
    declined: bool = False
    """The model, or its vendor's filter, would not answer; what was used is paid all the same."""
    counted: bool = True
    """False: the server did not say what was used, so ``tokens`` is the most it can have been."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One model that was asked, and what became of it."""

    model: str
    """Its name in the settings."""
    failed: str = ""
    """Code of the error; empty where it answered."""
    ms: int = 0
    may_cost: bool = False
    """It failed after it was asked, so its vendor may count the call: the most it can have cost is used up."""
    skipped: bool = False
    """Not asked: it failed too often just before."""
