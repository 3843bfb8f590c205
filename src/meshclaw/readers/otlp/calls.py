"""Spans and events that are one call of a model, by the GenAI convention or as Claude Code, Codex and Gemini CLI write.

https://opentelemetry.io/docs/specs/semconv/gen-ai/ (input holds the cached part); the tools' own events as their
makers document them.
"""

from __future__ import annotations

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.readers.calls import DOLLAR
from meshclaw.readers.otlp.wire import Record, Signal
from meshclaw.readers.records import Fields, digest, moment, text, whole

SUMS_OF_CALLS = frozenset(
    "invoke_agent create_agent invoke_workflow plan execute_tool retrieval create_memory search_memory".split()
)
"""Operations whose usage, where they report one, is that of the calls within them."""
SERVICES = {
    "claude-code": "claude-code", "codex": "codex", "codex-cli": "codex", "codex_cli_rs": "codex",
    "codex_exec": "codex", "gemini-cli": "gemini-cli",
}  # fmt: skip
"""``service.name`` of tools that send an event for each call: their spans say the same once more."""
PREFIXES = {"claude_code.": "claude-code", "codex.": "codex", "gemini_cli.": "gemini-cli"}
BY_PERSON = frozenset(("", "main", "sdk", "repl_main_thread", "user"))
"""Values of ``query_source`` for what the person asked themselves."""


def call_of(signal: Signal, record: Record) -> Usage | None:
    """None for a record of anything else. Raises Odd."""
    if signal == "traces":
        return None if text(record.fields, "service.name") in SERVICES else _span(record)
    name = text(record.fields, "event.name") or record.name
    if name == "claude_code.api_request" or record.name == "claude_code.api_request":
        return _claude(record)
    if name.startswith("codex.") and text(record.fields, "event.kind") == "response.completed":
        return _codex(record)
    if name == "gemini_cli.api_response":
        return _gemini(record)
    return _span(record) if name.startswith("gen_ai.") else None


def cost_of(fields: Fields) -> tuple[object, int]:
    """What the call is said to have cost, and the micro-dollars of one unit of it."""
    micros = fields.get("cost_usd_micros")
    return (fields.get("cost_usd"), DOLLAR) if micros is None else (micros, 1)


def tool_of(fields: Fields, name: str = "") -> str:
    """Our name of the tool, by the name of what it sent or the service's own."""
    service = text(fields, "service.name")
    prefix = name.partition(".")[0] + "."
    return PREFIXES.get(prefix) or SERVICES.get(service) or service or "otel"


def declared_in(fields: Fields) -> str:
    """``meshclaw.intent`` comes from the environment: OTEL_RESOURCE_ATTRIBUTES=meshclaw.intent=mail.triage."""
    intent = text(fields, "meshclaw.intent")
    return f"env:{intent[:80]}" if intent else ""


def _span(record: Record) -> Usage | None:
    fields = record.fields
    if text(fields, "gen_ai.operation.name") in SUMS_OF_CALLS:
        return None
    entire = whole(fields, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
    output = whole(fields, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
    if not entire and not output:
        return None
    read = min(whole(fields, "gen_ai.usage.cache_read.input_tokens"), entire)
    written = min(whole(fields, "gen_ai.usage.cache_creation.input_tokens"), entire - read)
    answer = text(fields, "gen_ai.response.id")
    model = text(fields, "gen_ai.response.model", "gen_ai.request.model")
    return Usage(
        tool=tool_of(fields), evidence="telemetry", at=record.start_ns // 1_000_000, model=model,
        key=record.id or answer or digest(record.start_ns, model, entire, output), message=answer,
        provider=text(fields, "gen_ai.provider.name", "gen_ai.system"),
        tokens=Tokens(
            input_uncached=entire - read - written, cache_read=read, cache_write_5m=written, output=output,
            reasoning=min(whole(fields, "gen_ai.usage.reasoning.output_tokens"), output),
        ),
        session=text(fields, "gen_ai.conversation.id", "session.id"), agent=text(fields, "gen_ai.agent.name"),
        repo=text(fields, "vcs.repository.name"), branch=text(fields, "vcs.ref.head.name"),
        declared=declared_in(fields),
    )  # fmt: skip


def _claude(record: Record) -> Usage:
    fields = record.fields
    source = text(fields, "query_source")
    session, at = text(fields, "session.id"), _at(record)
    tokens = Tokens(
        input_uncached=whole(fields, "input_tokens"), output=whole(fields, "output_tokens"),
        cache_read=whole(fields, "cache_read_tokens"), cache_write_5m=whole(fields, "cache_creation_tokens"),
    )  # fmt: skip
    return Usage(
        tool="claude-code", evidence="telemetry", at=at, model=text(fields, "model"), provider="anthropic",
        key=text(fields, "request_id") or digest(session, at, tokens.output), tokens=tokens,
        speed=text(fields, "speed"), session=session, agent=source, by_machine=source not in BY_PERSON,
        repo=text(fields, "vcs.repository.name"), branch=text(fields, "vcs.ref.head.name"),
        declared=declared_in(fields),
    )  # fmt: skip


def _codex(record: Record) -> Usage | None:
    fields = record.fields
    entire, output = whole(fields, "input_token_count"), whole(fields, "output_token_count")
    if not entire and not output:
        return None
    read = min(whole(fields, "cached_token_count"), entire)
    session, at = text(fields, "conversation.id"), _at(record)
    return Usage(
        tool="codex", evidence="telemetry", at=at, model=text(fields, "model"), provider="openai",
        key=digest(session, at, entire, output), session=session, declared=declared_in(fields),
        tokens=Tokens(
            input_uncached=entire - read, cache_read=read, output=output,
            reasoning=min(whole(fields, "reasoning_token_count"), output),
        ),
    )  # fmt: skip


def _gemini(record: Record) -> Usage | None:
    fields = record.fields
    entire, output = whole(fields, "input_token_count"), whole(fields, "output_token_count")
    read = min(whole(fields, "cached_content_token_count"), entire)
    thoughts = whole(fields, "thoughts_token_count")
    tokens = Tokens(
        input_uncached=entire - read + whole(fields, "tool_token_count"), cache_read=read,
        output=output + thoughts, reasoning=thoughts,
    )  # fmt: skip
    if tokens == Tokens():
        return None
    session, at = text(fields, "session.id"), _at(record)
    return Usage(
        tool="gemini-cli", evidence="telemetry", at=at, model=text(fields, "model"), provider="google",
        key=digest(session, text(fields, "prompt_id"), at, entire, output), tokens=tokens, session=session,
        declared=declared_in(fields),
    )  # fmt: skip


def _at(record: Record) -> int:
    """Of the event itself where it says so: the record's own time may be when it was exported."""
    said = text(record.fields, "event.timestamp")
    return moment(said) if said else record.start_ns // 1_000_000
