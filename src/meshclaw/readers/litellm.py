"""LiteLLM's spend log: one row for a call through the proxy, as lines of JSON or as rows of its own database.

``prompt_tokens`` holds the cached part; how much that was stands in the row's metadata. A call that the proxy answered
from its own cache used no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.calls import read_calls
from meshclaw.readers.records import NONE, Fields, decoded, digest, moment, table, text, whole

TABLE = "LiteLLM_SpendLogs"
NEEDED = ("request_id", "startTime", "model", "prompt_tokens", "completion_tokens")
"""Columns of its table without which nothing can be said of a call."""
OTHERS = ("spend", "custom_llm_provider", "session_id", "agent_id", "metadata", "request_tags", "cache_hit")
"""Columns that say more where they are."""
INTENT = "intent:"
LONGEST_INTENT = 80


class LiteLlm:
    source = Source(
        tool="litellm",
        evidence="telemetry",
        grain="call",
        includes="input with its cached part, told apart here; reasoning inside output; its own price beside ours",
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:
        return read_calls(path, place, call_of, marks=(b'"request_id"',), cost=cost_of)


def cost_of(row: Fields) -> object:
    return row.get("spend")


def call_of(row: Fields) -> Usage | None:
    """None where no model was used. Raises Odd."""
    if str(row.get("cache_hit")).lower() == "true":
        return None
    metadata = _object(row.get("metadata"))
    tokens = _tokens(row, table(metadata, "usage_object"), table(metadata, "additional_usage_values"))
    if tokens == Tokens():
        return None
    started = row.get("startTime")
    return Usage(
        tool="litellm", evidence="telemetry", key=text(row, "request_id") or digest(started, row.get("model")),
        at=moment(started if isinstance(started, str | int | float) else str(started)),
        model=text(row, "model"), provider=text(row, "custom_llm_provider"), tokens=tokens,
        session=text(row, "session_id"), agent=text(row, "agent_id"), declared=_declared(row.get("request_tags")),
    )  # fmt: skip


def _tokens(row: Fields, used: Fields, more: Fields) -> Tokens:
    entire, output = whole(row, "prompt_tokens"), whole(row, "completion_tokens")
    read = whole(used, "cache_read_input_tokens") or whole(more, "cache_read_input_tokens")
    read = min(read or whole(table(used, "prompt_tokens_details"), "cached_tokens"), entire)
    written = whole(used, "cache_creation_input_tokens") or whole(more, "cache_creation_input_tokens")
    written = min(written, entire - read)
    details = table(used, "prompt_tokens_details", "cache_creation_token_details")
    long = min(whole(details, "ephemeral_1h_input_tokens"), written)
    reasoning = whole(table(used, "completion_tokens_details"), "reasoning_tokens")
    return Tokens(
        input_uncached=entire - read - written,
        cache_read=read,
        cache_write_5m=written - long,
        cache_write_1h=long,
        output=output,
        reasoning=min(reasoning, output),
    )


def _object(value: object) -> Fields:
    """JSON columns come as objects or, from a file, as text of one."""
    found = decoded(value) if isinstance(value, str) else value
    return table({"": found}, "") if found else NONE


def _declared(tags: object) -> str:
    """A tag ``intent:NAME`` says what the call was for."""
    listed = _object(f'{{"": {tags}}}').get("") if isinstance(tags, str) else tags
    for tag in cast("list[object]", listed) if isinstance(listed, list) else []:
        if isinstance(tag, str) and tag.startswith(INTENT):
            return f"tag:{tag.removeprefix(INTENT)[:LONGEST_INTENT]}"
    return ""
