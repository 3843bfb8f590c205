"""Our turns and pydantic-ai's messages, both ways. Imported only when a model is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from meshclaw.errors import Cut, Garbled
from meshclaw.flow.action import Value
from meshclaw.flow.conversation import Call, Got, Heard, Prompt, Reply, Said, Tool, Turn
from meshclaw.flow.usage import Tokens
from meshclaw.llm.booked import most_input
from meshclaw.llm.names import name_of

KINDS: dict[str, type[TextPart | ThinkingPart | ToolCallPart]] = {
    "text": TextPart,
    "thinking": ThinkingPart,
    "tool-call": ToolCallPart,
}


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose parts its vendor wants back as they were."""

    by: str
    """Name of the model in the settings: another one would not take them."""
    provider: str | None
    system: str | None
    url: str | None
    model: str | None
    parts: tuple[dict[str, Any], ...]


def sendable(text: str) -> str:
    """Without lone surrogates, which a mail can hold and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def definition(tool: Tool) -> ToolDefinition:
    return ToolDefinition(
        name=name_of(tool.verb),
        description=sendable(tool.words),
        parameters_json_schema=dict(tool.schema),
        strict=False,
    )


def messages(turns: tuple[Turn, ...], by: str) -> list[ModelMessage]:
    """``by``: who is asked, by its name in the settings."""
    found: list[ModelMessage] = []
    waiting: list[ModelRequestPart] = []
    for turn in turns:
        if not isinstance(turn, Said):
            waiting.append(_heard(turn))
            continue
        if waiting:
            found.append(ModelRequest(parts=waiting))
            waiting = []
        found.append(_unpacked(turn, by) or ModelResponse(parts=_plain(turn)))
    return [*found, ModelRequest(parts=waiting)] if waiting else found


def _heard(turn: Heard | Got) -> UserPromptPart | ToolReturnPart[Any]:
    if isinstance(turn, Heard):
        return UserPromptPart(sendable(turn.text))
    return ToolReturnPart(
        tool_name=name_of(turn.verb), content=sendable(turn.text), tool_call_id=turn.call,
        outcome="failed" if turn.failed else "success",
    )  # fmt: skip


def _plain(said: Said) -> list[ModelResponsePart]:
    text: list[ModelResponsePart] = [TextPart(sendable(said.text))] if said.text else []
    return [*text, *(_call(call) for call in said.calls)]


def _call(call: Call) -> ToolCallPart:
    return ToolCallPart(tool_name=name_of(call.verb), args=dict(call.arguments), tool_call_id=call.id)


def reply(response: ModelResponse, prompt: Prompt, *, by: str, provider: str) -> Reply:
    """Garbled where it holds what nobody asked for or cannot be told apart; Cut where its end is missing."""
    why = response.finish_reason or (response.provider_details or {}).get("finish_reason")
    if not why or why == "error" or response.state != "complete":
        raise Cut(f"{by} broke off its answer ({why or 'without an end'}, {response.state})")
    calls = _calls(response, {name_of(tool.verb): tool.verb for tool in prompt.tools}, by)
    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    tokens, counted = _tokens(response, prompt)
    return Reply(
        said=Said(text=text, calls=calls, kept=_packed(response, by)),
        tokens=tokens, counted=counted, model=response.model_name or by, provider=provider,
        cut=response.finish_reason in ("length", None), declined=response.finish_reason == "content_filter",
    )  # fmt: skip


def _calls(response: ModelResponse, verbs: Mapping[str, str], by: str) -> tuple[Call, ...]:
    calls: dict[str, Call] = {}
    for part in response.parts:
        if isinstance(part, ToolCallPart):
            if not part.tool_call_id or part.tool_call_id in calls:
                raise Garbled(f"{by} gave two calls the same id, so their answers could not be told apart")
            calls[part.tool_call_id] = _read(part, verbs)
        elif not isinstance(part, TextPart | ThinkingPart):
            raise Garbled(f"{by} answered with {part.part_kind}, which nobody asked for")
    return tuple(calls.values())


def _read(part: ToolCallPart, verbs: Mapping[str, str]) -> Call:
    """Never mended: what a model meant by half an object is a guess, and guesses act."""
    verb = verbs.get(part.tool_name)
    if verb is None:
        name = part.tool_name[:100]
        return Call(id=part.tool_call_id, verb=name, arguments={}, malformed=f"there is no tool {name!r}")
    try:
        given = part.args if isinstance(part.args, str) else json.dumps(part.args or {}, allow_nan=False)
        arguments = msgspec.json.decode(given or "{}", type=dict[str, Value])
    except ValueError as error:
        told = f"the arguments are not one JSON object ({error})"
        return Call(id=part.tool_call_id, verb=verb, arguments={}, malformed=told)
    return Call(id=part.tool_call_id, verb=verb, arguments=arguments)


def _tokens(response: ModelResponse, prompt: Prompt) -> tuple[Tokens, bool]:
    """By class, and whether the server counted at all. pydantic-ai's input includes what caches hold."""
    usage: RequestUsage = response.usage
    if usage.unmeasured_requests or not (usage.input_tokens and (usage.output_tokens or not response.parts)):
        output = sum(len(msgspec.json.encode(part)) for part in response.parts)
        return Tokens(input_uncached=most_input(prompt), output=output), False
    written, read = usage.cache_write_tokens, usage.cache_read_tokens
    long = min(usage.cache_write_1h_tokens, written)
    return Tokens(
        input_uncached=max(0, usage.input_tokens - written - read), cache_read=read,
        cache_write_5m=written - long, cache_write_1h=long, output=usage.output_tokens,
        reasoning=min(usage.output_reasoning_tokens, usage.output_tokens),
    ), True  # fmt: skip


def _packed(response: ModelResponse, by: str) -> str:
    """Empty where nothing but words and calls was said."""
    parts = [part for part in response.parts if isinstance(part, TextPart | ThinkingPart | ToolCallPart)]
    if not any(isinstance(part, ThinkingPart) or part.provider_details for part in parts):
        return ""
    kept = _Kept(
        by=by, provider=response.provider_name, system=response.canonical_system, url=response.provider_url,
        model=response.model_name,
        parts=tuple(
            {name: value for name, value in msgspec.to_builtins(part).items() if value is not None} for part in parts
        ),
    )  # fmt: skip
    return msgspec.json.encode(kept).decode()


def _unpacked(said: Said, by: str) -> ModelResponse | None:
    """None where nothing is kept, another model said it, or ``said`` was changed since: then its words have to do."""
    if not said.kept:
        return None
    try:
        kept = msgspec.json.decode(said.kept, type=_Kept)
        parts = list(_parts(kept))
    except (msgspec.MsgspecError, TypeError, KeyError):
        return None
    text = "".join(part.content for part in parts if isinstance(part, TextPart))
    calls = [(part.tool_call_id, part.tool_name) for part in parts if isinstance(part, ToolCallPart)]
    if kept.by != by or text != said.text or calls != [(call.id, name_of(call.verb)) for call in said.calls]:
        return None
    return ModelResponse(
        parts=parts, provider_name=kept.provider, canonical_system=kept.system, provider_url=kept.url,
        model_name=kept.model,
    )  # fmt: skip


def _parts(kept: _Kept) -> Iterator[TextPart | ThinkingPart | ToolCallPart]:
    for fields in kept.parts:
        yield KINDS[fields["part_kind"]](
            **{name: value for name, value in fields.items() if name != "part_kind"}
        )
