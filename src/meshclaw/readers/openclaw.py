"""OpenClaw's sessions, under the names the project has had, with those it says it deleted or reset.

There is no request id: a call is told by its session, time, model and counts. Input is without the cached part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.records import (
    Fields,
    Odd,
    ending,
    moment,
    read_records,
    rows,
    strangers,
    table,
    text,
    told,
    unique,
    whole,
)

KNOWN = {"input", "output", "cacheRead", "cacheWrite", "totalTokens", "cost", "reasoning"}


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
        unknown: Counter[str] = Counter()
        for found in read_records(path, place):
            if isinstance(found, Place):
                place = found
                continue
            if isinstance(found, Unread):
                yield found
                continue
            line, fields = found
            message = table(fields, "message")
            try:
                usage = _call(fields, message, state, path)
            except Odd as odd:
                yield Unread(path=str(path), line=line, why=odd.why)
                continue
            if usage is not None:
                unknown.update(table(message, "usage").keys() - KNOWN)
                yield from told(usage, path, line, cost=table(message, "usage", "cost").get("total"))
        yield from strangers(path, unknown)
        yield Place(offset=place.offset, line=place.line, state=msgspec.json.encode(state))


def _call(fields: Fields, message: Fields, state: _State, path: Path) -> Usage | None:
    kind = text(fields, "type")
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
    counts = table(message, "usage")
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
