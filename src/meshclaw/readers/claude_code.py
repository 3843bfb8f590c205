"""Claude Code's transcripts: one JSON object a line, one line for each block of an answer.

The lines of an answer share ``message.id`` and ``requestId`` and repeat its usage; the early ones may carry a part of
the output. A resumed session copies the lines of the one before into a file of its own, and a side chain may replay an
answer under another request id. Here the lines of one file become one ``Usage`` an answer; the store does the same
across files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.base import EARLIEST_MS, START, Found, Place, Source, latest_ms
from meshclaw.readers.claude_lines import Block, Counts, Entry, Line, Message, Problem, decode, mend
from meshclaw.readers.lines import read_lines

MARK = b'"output_tokens"'
"""In no line without it is a call: every usage says how much was written, and quotes within text are escaped."""
OTHER = b'"type":"user"'
"""What a person said or a tool gave back: no answer, though text and results hold most bytes of a transcript."""
SYNTHETIC = "<synthetic>"
"""Model of an answer that Claude Code wrote itself, as for an error of the service."""
REPEATED = {"unknown-field", "clock"}
"""Told once a file, with the first line: whole files are full of it."""
LONGEST_NAME, LONGEST_ENDING = 60, 12

Key = tuple[str, str | None]
"""``message.id`` and ``requestId``."""


class Answer(msgspec.Struct, gc=False):
    """The fullest line of one answer so far, and what all of them tell."""

    key: str
    number: int
    rank: int
    """0 until there is another one to compare it with."""
    line: Line
    entry: Entry
    message: Message
    usage: Counts
    first: datetime
    did: tuple[str, ...]
    files: tuple[str, ...]


class ClaudeCode:
    source = Source(
        tool="claude-code",
        evidence="transcript",
        grain="call",
        includes="input without cache; cache writes for 5 minutes and for 1 hour apart; reasoning inside output",
        roots=(".claude", ".config/claude", ".config/Claude", "Library/Application Support/Claude"),
        variables=("CLAUDE_CONFIG_DIR",),
        globs=("projects/**/*.jsonl", "local-agent-mode-sessions/**/*.jsonl"),
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:
        name = str(path)
        answers: dict[Key, Answer] = {}
        often: dict[Problem, Unread] = {}
        for found in read_lines(path, place, MARK, OTHER):
            if not isinstance(found, tuple):
                yield found
                continue
            number, data = found
            try:
                line = decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                line, problems = mend(data)
                for why, what in problems:
                    unread = Unread(path=name, line=number, why=why, what=what)
                    if why in REPEATED:
                        _count(often, unread)
                    else:
                        yield unread
            if line is not None:
                _add(answers, number, line, data)
        latest = latest_ms()
        for answer in answers.values():
            usage = _usage(answer)
            if not EARLIEST_MS <= usage.at <= latest:
                _count(often, Unread(path=name, line=answer.number, why="clock"))
            yield usage
        yield from often.values()


def _count(often: dict[Problem, Unread], unread: Unread) -> None:
    """What whole files are full of is told once, with its first line."""
    known = often.get((unread.why, unread.what))
    often[unread.why, unread.what] = (
        unread if known is None else msgspec.structs.replace(known, count=known.count + 1)
    )


def _add(answers: dict[Key, Answer], number: int, line: Line, data: bytes | bytearray) -> None:
    """Take a line into the answer that it is a block of."""
    entry: Entry | None = line
    message = line.message
    if message is None or (usage := message.usage) is None:
        entry = line.data.message if line.data else None
        message = entry.message if entry else None
        if entry is None or message is None or (usage := message.usage) is None:
            return
    request = entry.request_id
    key = message.id or entry.uuid or hashlib.sha256(data).hexdigest(), request
    answer = answers.get(key)
    if answer is None:
        if message.model == SYNTHETIC and not _total(usage):
            return
        answers[key] = answer = Answer(
            request or key[0], number, 0, line, entry, message, usage, entry.timestamp, (), ()
        )
    else:
        rank, known = _rank(entry, usage), answer.rank or _rank(answer.entry, answer.usage)
        if rank > known:
            answer.number, answer.line = number, line
            answer.entry, answer.message, answer.usage, known = entry, message, usage, rank
        answer.rank, answer.first = known, min(answer.first, entry.timestamp)
    content = message.content
    if isinstance(content, list):
        for block in content:
            if block.type == "tool_use":
                _note(answer, block)


def _total(usage: Counts) -> int:
    split = usage.cache_creation
    return (
        usage.input_tokens + usage.output_tokens + (usage.cache_read_input_tokens or 0)
        + (
            usage.cache_creation_input_tokens or 0 if split is None
            else split.ephemeral_5m_input_tokens + split.ephemeral_1h_input_tokens
        )
    )  # fmt: skip


def _rank(entry: Entry, usage: Counts) -> int:
    """Of two recordings of one answer the higher one holds: not a side chain's, the fuller, one with a speed."""
    return (not entry.side) << 60 | _total(usage) << 1 | (usage.speed is not None)


def _note(answer: Answer, block: Block) -> None:
    name, given = block.name, block.input
    if name and name not in answer.did:
        answer.did += (name[:LONGEST_NAME],)
    if given is not None and (file := given.file_path or given.notebook_path):
        ending = _ending(file)
        if ending and ending not in answer.files:
            answer.files += (ending,)


@lru_cache(10_000)
def _ending(file: str) -> str:
    """``py`` of ``src/a.py``; empty for what is no ending of a file."""
    stem, dot, ending = file.rpartition(".")
    is_one = dot and ending.isalnum() and len(ending) < LONGEST_ENDING and stem[-1:] not in ("", "/")
    return ending if is_one else ""


def _usage(answer: Answer) -> Usage:
    entry, message, usage = answer.entry, answer.message, answer.usage
    line, model = answer.line, message.model or ""
    split, server = usage.cache_creation, usage.server_tool_use
    found = Usage(  # from 16 keywords on a call takes five times as long: the rare ones follow
        tool="claude-code",
        evidence="transcript",
        key=answer.key,
        message=message.id or "",
        at=round(answer.first.timestamp() * 1000),
        model="" if model == SYNTHETIC else model,
        provider="anthropic" if model.startswith("claude") else "",
        tokens=Tokens(
            input_uncached=usage.input_tokens,
            cache_read=usage.cache_read_input_tokens or 0,
            # where the split is there, it alone is right
            cache_write_5m=(
                usage.cache_creation_input_tokens or 0 if split is None else split.ephemeral_5m_input_tokens
            ),
            cache_write_1h=0 if split is None else split.ephemeral_1h_input_tokens,
            output=usage.output_tokens,
            tool=server.web_search_requests if server else 0,
        ),
        service_tier=usage.service_tier or "",
        session=line.session or "",
        repo=line.cwd or "",
        branch=line.branch or "",
        by_machine=entry.side is True,
        did=answer.did,
        files=answer.files,
    )
    if usage.speed or entry.cost is not None:
        micros = None if entry.cost is None else round(entry.cost * 1_000_000)
        return msgspec.structs.replace(found, speed=usage.speed or "", reported_micros=micros)
    return found
