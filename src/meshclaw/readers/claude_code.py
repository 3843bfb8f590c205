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
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.base import START, Found, Place, Source, is_odd_clock
from meshclaw.readers.claude_lines import Block, Counts, Entry, Line, Message, Problem, decode, mend
from meshclaw.readers.lines import read_lines

MARK = b'"output_tokens"'
"""In no line without it is a call: every usage says how much was written, and quotes within text are escaped."""
SYNTHETIC = "<synthetic>"
"""Model of an answer that Claude Code wrote itself, as for an error of the service."""
TOTAL = (1 << 59) - 1
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
    line: Line
    entry: Entry
    message: Message
    usage: Counts
    first: datetime
    did: list[str]
    files: list[str]


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
        for found in read_lines(path, place, MARK):
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
        for answer in answers.values():
            usage = _usage(answer)
            if is_odd_clock(usage.at):
                _count(often, Unread(path=name, line=answer.number, why="clock"))
            yield usage
        yield from often.values()


def _count(often: dict[Problem, Unread], unread: Unread) -> None:
    """What whole files are full of is told once, with its first line."""
    known = often.get((unread.why, unread.what))
    often[unread.why, unread.what] = (
        unread if known is None else msgspec.structs.replace(known, count=known.count + 1)
    )


def _add(answers: dict[Key, Answer], number: int, line: Line, data: bytes) -> None:
    """Take a line into the answer that it is a block of."""
    entry: Entry | None = line
    if line.message is None or line.message.usage is None:
        entry = line.data.message if line.data else None
    if entry is None or entry.message is None or (usage := entry.message.usage) is None:
        return
    message = entry.message
    key = (message.id or entry.uuid or hashlib.sha256(data).hexdigest(), entry.request_id)
    rank = _rank(entry, usage)
    answer = answers.get(key)
    if answer is None:
        if message.model == SYNTHETIC and not rank >> 1 & TOTAL:
            return
        name = entry.request_id or key[0]
        answers[key] = answer = Answer(
            name, number, rank, line, entry, message, usage, entry.timestamp, [], []
        )
    else:
        if rank > answer.rank:
            answer.number, answer.rank, answer.line = number, rank, line
            answer.entry, answer.message, answer.usage = entry, message, usage
        answer.first = min(answer.first, entry.timestamp)
    if isinstance(message.content, list):
        for block in message.content:
            if block.type == "tool_use":
                _note(answer, block)


def _rank(entry: Entry, usage: Counts) -> int:
    """Of two recordings of one answer the higher one holds: not a side chain's, the fuller, one with a speed."""
    split = usage.cache_creation
    total = usage.input_tokens + usage.output_tokens + (usage.cache_read_input_tokens or 0)
    if split is None:
        total += usage.cache_creation_input_tokens or 0
    else:
        total += split.ephemeral_5m_input_tokens + split.ephemeral_1h_input_tokens
    return (not entry.side) << 60 | total << 1 | (usage.speed is not None)


def _note(answer: Answer, block: Block) -> None:
    if block.name and block.name not in answer.did:
        answer.did.append(block.name[:LONGEST_NAME])
    given = block.input
    if given and (file := given.file_path or given.notebook_path):
        stem, dot, ending = file.rpartition(".")
        if (
            dot
            and ending not in answer.files
            and ending.isalnum()
            and len(ending) < LONGEST_ENDING
            and stem[-1:] not in ("", "/")
        ):
            answer.files.append(ending)


def _usage(answer: Answer) -> Usage:
    entry, message, usage = answer.entry, answer.message, answer.usage
    five_minutes, hour = usage.written
    model = message.model or ""
    return Usage(
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
            cache_write_5m=five_minutes,
            cache_write_1h=hour,
            output=usage.output_tokens,
            tool=usage.server_tool_use.web_search_requests if usage.server_tool_use else 0,
        ),
        reported_micros=None if entry.cost is None else round(entry.cost * 1_000_000),
        speed=usage.speed or "",
        service_tier=usage.service_tier or "",
        session=answer.line.session or "",
        repo=answer.line.cwd or "",
        branch=answer.line.branch or "",
        by_machine=bool(entry.side),
        did=tuple(answer.did),
        files=tuple(answer.files),
    )
