"""OpenClaw's sessions, under the names the project has had, with those it says it deleted or reset.

There is no request id: a call is told by its session, time, model and counts. Input is without the cached part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.calls import read_calls
from meshclaw.readers.records import (
    Fields,
    ending,
    moment,
    rows,
    table,
    text,
    unique,
    whole,
)

KNOWN = {"input", "output", "cacheRead", "cacheWrite", "totalTokens", "cost", "reasoning"}
MARKS = (b'"usage"', b'"session"', b"model_change", b"model-snapshot")


class _State(msgspec.Struct, kw_only=True):
    model: str = ""
    provider: str = ""
    repo: str = ""


class OpenClaw:
    source = Source(
        tool="openclaw",
        evidence="transcript",
        grain="call",
        includes="input without cache; its own price beside ours",
        roots=(".openclaw", ".clawdbot", ".moltbot", ".moldbot"),
        globs=(
            "agents/*/sessions/*.jsonl",
            "agents/*/sessions/*.jsonl.deleted.*",
            "agents/*/sessions/*.jsonl.reset.*",
        ),
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:
        state = msgspec.json.decode(place.state, type=_State) if place.state else _State()
        return read_calls(
            path, place, lambda fields: _call(fields, state, path), marks=MARKS, cost=_cost, counts=_counts,
            known=KNOWN, state=state,
        )  # fmt: skip


def _counts(fields: Fields) -> Fields:
    return table(fields, "message", "usage")


def _cost(fields: Fields) -> object:
    return table(_counts(fields), "cost").get("total")


def _call(fields: Fields, state: _State, path: Path) -> Usage | None:
    kind, message = text(fields, "type"), table(fields, "message")
    if kind == "session":
        state.repo = text(fields, "cwd") or state.repo
    elif kind == "model_change" or text(fields, "customType") == "model-snapshot":
        said = table(fields, "data") or fields
        state.model = text(said, "modelId", "model") or state.model
        state.provider = text(said, "provider") or state.provider
    elif kind == "message" and text(message, "role") == "assistant":
        return _usage(fields, message, state, path)
    return None


def _usage(fields: Fields, message: Fields, state: _State, path: Path) -> Usage | None:
    counts = _counts(fields)
    tokens = Tokens(
        input_uncached=whole(counts, "input"), cache_read=whole(counts, "cacheRead"),
        cache_write_5m=whole(counts, "cacheWrite"), output=whole(counts, "output"),
        reasoning=min(whole(counts, "reasoning"), whole(counts, "output")),
    )  # fmt: skip
    if tokens == Tokens():
        return None
    at = moment(message.get("timestamp") or fields.get("timestamp"))
    model = text(message, "modelId", "model") or state.model
    session = path.name.partition(".jsonl")[0]
    numbers = (tokens.input_uncached, tokens.cache_read, tokens.cache_write_5m, tokens.output)
    used = [block for block in rows(message, "content") if text(block, "type") == "toolCall"]
    return Usage(
        tool="openclaw", evidence="transcript", key=":".join(map(str, (session, at, model, *numbers))), at=at,
        model=model, provider=text(message, "provider") or state.provider, tokens=tokens, session=session,
        repo=state.repo, agent=path.parent.parent.name, did=unique([text(call, "name") for call in used]),
        files=unique([ending(text(table(call, "arguments"), "path", "file_path")) for call in used]),
    )  # fmt: skip
