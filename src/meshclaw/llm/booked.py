"""What a call can cost before it is made, and what it cost afterwards; micro-dollars. Pure but for the price list."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from meshclaw.flow.conversation import Heard, Prompt, Reply, Said, Turn
from meshclaw.flow.usage import Tokens, Usage
from meshclaw.llm.prices import Price, price_of
from meshclaw.llm.sheet import Sheet
from meshclaw.settings.models import Entry

FRAME = 1_000
"""Tokens that a server adds on its own: its words about tools, the ends of turns. Anthropic's are under 700."""
OF_TOOL = 40
"""Likewise for each tool: a schema becomes the server's own notation."""
OF_TURN = 10
INPUTS = ("input_uncached", "cache_write_5m", "cache_write_1h")
"""The classes that new input can be counted in."""


def most_input(prompt: Prompt, *, before: Prompt | None = None, counted: int = 0) -> int:
    """No fewer tokens than ``prompt`` can be: no tokenizer in use makes more tokens than a text has bytes.

    That is about four times too many for English. Where ``prompt`` only goes on from ``before``, for which the server
    itself counted ``counted`` tokens, just what is new is estimated.
    """
    if before and _goes_on(prompt, before):
        return counted + _of_turns(prompt.turns[len(before.turns) :])
    tools = sum(len(msgspec.json.encode(tool)) + OF_TOOL for tool in prompt.tools)
    return FRAME + _size(prompt.fixed) + tools + _of_turns(prompt.turns)


def most_cost(
    entries: Iterable[Entry], at: int, *, tokens: int, limit: int, sheet: Sheet | None = None
) -> int:
    """Of a call with up to ``tokens`` of input and ``limit`` of output that any of ``entries`` may answer.

    A model that no list knows costs as much as the dearest known one. The classes are priced as one call, for the
    price of a token can depend on the size of the whole.
    """
    outputs = (Tokens(output=limit), Tokens(output=limit, reasoning=limit))
    return max(
        _price(*entry.priced, at, msgspec.structs.replace(output, **{name: tokens}), sheet).micros
        for entry in entries
        for output in outputs
        for name in INPUTS
    )


def cost_of(reply: Reply, entry: Entry, at: int, sheet: Sheet | None = None) -> Price:
    """By the name the server gave the model, which may say its version, unless ``entry`` is priced as another."""
    provider, model = entry.priced if entry.priced_as else (reply.provider, reply.model)
    return _price(provider, model, at, reply.tokens, sheet)


def whole_input(tokens: Tokens) -> int:
    """What ``most_input`` takes as ``counted``."""
    return tokens.input_uncached + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h


def _goes_on(prompt: Prompt, before: Prompt) -> bool:
    return (
        prompt.fixed == before.fixed
        and prompt.tools == before.tools
        and prompt.turns[: len(before.turns)] == before.turns
    )


def _of_turns(turns: tuple[Turn, ...]) -> int:
    return sum(_of_turn(turn) + OF_TURN for turn in turns)


def _of_turn(turn: Turn) -> int:
    if isinstance(turn, Heard):
        return _size(turn.text)
    if isinstance(turn, Said):
        calls = sum(len(msgspec.json.encode(call)) + OF_TOOL for call in turn.calls)
        return _size(turn.text) + _size(turn.kept) + calls
    return _size(turn.text) + _size(turn.call)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _price(provider: str, model: str, at: int, tokens: Tokens, sheet: Sheet | None) -> Price:
    usage = Usage(
        tool="meshclaw", evidence="transcript", key="", at=at, model=model, provider=provider, tokens=tokens
    )
    return price_of(usage, sheet)
