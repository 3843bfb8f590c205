"""What Claude Code wrote into files, out of its transcripts: digests of lines, never a line.

An edit is a ``tool_use`` block of an answer; whether it was done stands in the ``tool_result`` that follows. One that
was refused or failed is not counted, and neither are the lines of an edit that stood there before. The same block may
be in several lines and files (resumed sessions repeat it).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Unread
from meshclaw.flow.written import Written, digests
from meshclaw.readers.base import Place
from meshclaw.readers.lines import read_lines

TOOL = "claude-code"
MARK = b'"tool_'
DAY_MS = 86_400_000
LONGEST_NAME = 400


class Replacement(msgspec.Struct, gc=False):
    old_string: str = ""
    new_string: str = ""


class Input(Replacement, gc=False):
    content: str = ""
    new_source: str = ""
    edits: list[Replacement] = []


class Use(msgspec.Struct, gc=False, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw


class Result(msgspec.Struct, gc=False, tag_field="type", tag="tool_result"):
    tool_use_id: str
    is_error: bool | None = None


class Kind(msgspec.Struct, gc=False):
    type: str = ""


class Message(msgspec.Struct, gc=False):
    model: str | None = None
    content: list[msgspec.Raw] | str | None = None


class Line(msgspec.Struct, gc=False):
    timestamp: datetime
    session: str = msgspec.field(default="", name="sessionId")
    cwd: str = ""
    message: Message | None = None


class Edit(msgspec.Struct, gc=False):
    at: int
    session: str
    model: str
    repo: str
    lines: frozenset[bytes]


EDITS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})


def read(path: Path, key: bytes) -> Iterator[Written | Unread]:
    """``key``: of the digests. ``OSError`` is the caller's."""
    edits: dict[str, Edit] = {}
    failed: set[str] = set()
    for found in read_lines(path, mark=MARK):
        if isinstance(found, Unread):
            yield found
        elif not isinstance(found, Place):
            number, data = found
            try:
                _take(msgspec.json.decode(data, type=Line), key, edits, failed)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                yield Unread(path=str(path), line=number, why="malformed")
    days: defaultdict[tuple[str, str, str, int], list[Edit]] = defaultdict(list)
    for name, edit in edits.items():
        if name not in failed and edit.lines:
            days[edit.session, edit.model, edit.repo, edit.at // DAY_MS].append(edit)
    for (session, model, repo, _), parts in days.items():
        yield Written(
            tool=TOOL, session=session, model=model, repo=repo, at=max(part.at for part in parts),
            lines=frozenset(chain.from_iterable(part.lines for part in parts)),
        )  # fmt: skip


def _take(line: Line, key: bytes, edits: dict[str, Edit], failed: set[str]) -> None:
    message = line.message
    if message is None or not isinstance(message.content, list):
        return
    for raw in message.content:
        kind = msgspec.json.decode(raw, type=Kind).type
        if kind == "tool_result":
            result = msgspec.json.decode(raw, type=Result)
            if result.is_error:
                failed.add(result.tool_use_id)
        elif kind == "tool_use":
            use = msgspec.json.decode(raw, type=Use)
            if use.name in EDITS and use.id not in edits:
                edits[use.id] = Edit(
                    round(line.timestamp.timestamp() * 1000), line.session[:LONGEST_NAME],
                    (message.model or "")[:LONGEST_NAME], line.cwd[:LONGEST_NAME],
                    _lines(msgspec.json.decode(use.input, type=Input), key),
                )  # fmt: skip


def _lines(given: Input, key: bytes) -> frozenset[bytes]:
    new: list[str] = [*given.content.splitlines(), *given.new_source.splitlines()]
    old: list[str] = []
    for part in (given, *given.edits):
        new += part.new_string.splitlines()
        old += part.old_string.splitlines()
    return digests(new, key) - digests(old, key)
