"""Gemini CLI's chats (one object or one line a message) and what its headless mode prints at the end.

A message is written again as it grows, under the same id: the last one is right. Input holds the cached part unless
the message's own total proves that it does not; thoughts are outside output and priced as it; tokens of tool prompts
come on top of input.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.records import (
    Fields,
    Odd,
    changed_at,
    ending,
    moment,
    read_records,
    read_whole,
    rows,
    strangers,
    table,
    text,
    told,
    unique,
    whole,
)

KNOWN = {"input", "output", "cached", "thoughts", "tool", "total", "prompt", "candidates"}


class GeminiCli:
    source = Source(
        tool="gemini-cli",
        evidence="transcript",
        grain="call",
        includes="input with its cached part, told apart here; thoughts outside output, added here; no price",
        roots=(".gemini/tmp",),
        globs=("*/chats/*.json", "*/chats/*.jsonl"),
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:  # noqa: ARG002 - always the whole file
        found: dict[str, tuple[int, Usage]] = {}
        session = path.stem
        unknown: Counter[str] = Counter()
        for record in _records(path):
            if isinstance(record, Unread):
                yield record
                continue
            line, fields = record
            session = text(fields, "sessionId", "session_id") or session
            for number, message in enumerate(_messages(fields), 1):
                for call in _calls(message, fields, session, path):
                    try:
                        usage = call()
                    except Odd as odd:
                        yield Unread(path=str(path), line=line or number, why=odd.why)
                        continue
                    if usage is not None:
                        found[usage.key] = line or number, usage
                unknown.update(table(message, "tokens").keys() - KNOWN)
        for line, usage in found.values():
            yield from told(usage, path, line)
        yield from strangers(path, unknown)


def _records(path: Path) -> Iterable[tuple[int, Fields] | Unread]:
    if path.suffix == ".jsonl":
        return (found for found in read_records(path) if not isinstance(found, Place))
    value = read_whole(path)
    if isinstance(value, list):
        value = {"messages": value}
    return [value] if isinstance(value, Unread) else [(0, value)]


def _messages(fields: Fields) -> list[Fields]:
    return rows(fields, "messages") or [fields]


def _calls(message: Fields, chat: Fields, session: str, path: Path) -> Iterator[Callable[[], Usage | None]]:
    """One that is wrong takes no other with it."""
    if text(message, "type") == "gemini":
        yield partial(_answer, message, chat, session, path)
        return
    stats = table(message, "stats") or table(message, "result", "stats")
    for model in table(stats, "models"):
        yield partial(_sum, message, table(stats, "models", model, "tokens"), model, session, path)


def _answer(message: Fields, chat: Fields, session: str, path: Path) -> Usage | None:
    tokens = _tokens(table(message, "tokens"))
    if tokens == Tokens():
        return None
    at = moment(message["timestamp"]) if "timestamp" in message else _chat_at(chat, path)
    key, model = f"{session}:{text(message, 'id') or at}", text(message, "model")
    return _usage(message, key=key, at=at, model=model, tokens=tokens, session=session)


def _sum(message: Fields, counts: Fields, model: str, session: str, path: Path) -> Usage | None:
    tokens = _tokens(counts)
    if tokens == Tokens():
        return None
    at = _chat_at(message, path)
    usage = _usage({}, key=f"{session}:{model}", at=at, model=model, tokens=tokens, session=session)
    return msgspec.structs.replace(usage, until=at + 1)  # nobody knows the size of its calls


def _chat_at(fields: Fields, path: Path) -> int:
    for name in ("timestamp", "startTime", "lastUpdated"):
        if name in fields:
            return moment(fields[name])
    return changed_at(path)


def _tokens(counts: Fields) -> Tokens:
    entire, output = whole(counts, "input", "prompt"), whole(counts, "output", "candidates")
    cached, thoughts, tool = whole(counts, "cached"), whole(counts, "thoughts"), whole(counts, "tool")
    is_apart = cached > 0 and whole(counts, "total") == entire + cached + output + thoughts + tool
    return Tokens(
        input_uncached=tool + (entire if is_apart else max(0, entire - cached)),
        cache_read=cached if is_apart else min(cached, entire),
        output=output + thoughts,
        reasoning=thoughts,
    )


def _usage(message: Fields, *, key: str, at: int, model: str, tokens: Tokens, session: str) -> Usage:
    used = rows(message, "toolCalls")
    paths: list[Any] = [
        table(call, "args").get(name) for call in used for name in ("file_path", "absolute_path")
    ]
    return Usage(
        tool="gemini-cli", evidence="transcript", key=key, at=at, model=model, provider="google", tokens=tokens,
        session=session, did=unique([text(call, "name") for call in used]),
        files=unique([ending(name) for name in paths if isinstance(name, str)]),
    )  # fmt: skip
