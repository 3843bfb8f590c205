"""The shape of Claude Code's lines, and how to read one that has another shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Struct

from meshclaw.flow.usage import Why
from meshclaw.readers.records import MOST_OF_A_CALL

DEAREST = 10**6
"""Dollars of one call; what claims to be dearer is not believed."""
LONGEST_NAME, LONGEST_TEXT = 60, 400

Count = Annotated[int, Meta(ge=0, le=MOST_OF_A_CALL)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Aware = Annotated[datetime, Meta(tz=True)]


class Written(Struct, gc=False, forbid_unknown_fields=True):
    ephemeral_5m_input_tokens: Count = 0
    ephemeral_1h_input_tokens: Count = 0


class Server(Struct, gc=False, forbid_unknown_fields=True):
    web_search_requests: Count = 0
    web_fetch_requests: Count = 0


class Counts(Struct, gc=False, forbid_unknown_fields=True):
    """Every field that is understood, also those that say nothing about cost: another one is told of."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: Written | None = None
    server_tool_use: Server | None = None
    service_tier: Text | None = None
    speed: Text | None = None
    inference_geo: msgspec.Raw = msgspec.Raw()
    iterations: msgspec.Raw = msgspec.Raw()
    """The parts of one answer, already in its sums."""


class Input(Struct, gc=False):
    file_path: str = ""
    notebook_path: str = ""


class Block(Struct, gc=False):
    type: str = ""
    name: str = ""
    input: Input | None = None


class Message(Struct, gc=False):
    id: Text | None = None
    model: Text | None = None
    usage: Counts | None = None
    content: list[Block] | str | None = None


class Entry(Struct, gc=False, rename={"request_id": "requestId", "side": "isSidechain", "cost": "costUSD"}):
    timestamp: Aware
    request_id: Text | None = None
    side: bool | None = None
    cost: Annotated[float, Meta(ge=0, le=DEAREST)] | None = None
    uuid: Text | None = None
    message: Message | None = None


class Progress(Struct, gc=False):
    message: Entry | None = None


class Line(Entry, gc=False, rename={"session": "sessionId", "branch": "gitBranch"}):
    session: Text | None = None
    cwd: Text | None = None
    branch: Text | None = None
    data: Progress | None = None
    """The second shape: what a sub-agent reports while it works."""


Problem = tuple[Why, str]
"""What is wrong, and the field it is about."""

EPOCH = datetime.fromtimestamp(0, UTC)
decode = msgspec.json.Decoder(Line).decode
"""Raises DecodeError, and UnicodeDecodeError, where a line is not as expected; then see ``mend``."""
_PARTS = {"cache_creation": Written, "server_tool_use": Server}
_NAMES: dict[type[Struct], set[str]] = {
    shape: {field.encode_name for field in msgspec.structs.fields(shape)}
    for shape in (Counts, Written, Server)
}


def mend(data: bytes | bytearray) -> tuple[Line | None, Sequence[Problem]]:
    """The line, and what is wrong with it; None where it is no call, or its counts cannot be trusted."""
    try:
        raw = _dict(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, (("malformed", ""),)
    entry = raw
    if not isinstance(_dict(raw.get("message")).get("usage"), dict):
        entry = _dict(_dict(raw.get("data")).get("message"))
    message = _dict(entry.get("message"))
    if not isinstance(message.get("usage"), dict):
        return None, ()
    counts, problems = _counts(_dict(message["usage"]))
    if counts is None:
        return None, problems
    at, cost = _time(entry.get("timestamp")), entry.get("costUSD")
    if cost is not None and not (isinstance(cost, int | float) and 0 <= cost <= DEAREST):
        problems.append(("negative" if _is_negative(cost) else "malformed", "costUSD"))
        cost = None
    line = Line(
        timestamp=at, request_id=_text(entry, "requestId"), side=entry.get("isSidechain") is True,
        cost=cost, uuid=_text(entry, "uuid"), session=_text(raw, "sessionId"), cwd=_text(raw, "cwd"),
        branch=_text(raw, "gitBranch"),
        message=Message(
            _text(message, "id"), _text(message, "model"), counts, _blocks(message.get("content"))
        ),
    )  # fmt: skip
    return line, problems


def _counts(raw: dict[str, Any]) -> tuple[Counts | None, list[Problem]]:
    """None where one is negative or no number: then the others are worth nothing either."""
    problems: list[Problem] = []
    kept = _known(raw, Counts, problems)
    for name, shape in _PARTS.items():
        if isinstance(kept.get(name), dict):
            kept[name] = _known(kept[name], shape, problems)
    numbers = kept | _dict(kept.get("cache_creation")) | _dict(kept.get("server_tool_use"))
    for name, number in numbers.items():
        if _is_negative(number):
            return None, [*problems, ("negative", name)]
    try:
        return msgspec.convert(kept, Counts), problems
    except msgspec.ValidationError:
        return None, [*problems, ("malformed", "usage")]


def _known(raw: dict[str, Any], shape: type[Struct], problems: list[Problem]) -> dict[str, Any]:
    known = _NAMES[shape]
    problems.extend(("unknown-field", name[:LONGEST_NAME]) for name in raw if name not in known)
    return {
        name: part
        for name, part in raw.items()
        if name in known and name not in ("inference_geo", "iterations")
    }


def _blocks(content: object) -> list[Block]:
    if not isinstance(content, list):
        return []
    blocks = map(_dict, cast("list[object]", content))
    return [
        Block(type=_text(block, "type") or "", name=_text(block, "name") or "", input=_input(block))
        for block in blocks
    ]


def _input(block: dict[str, Any]) -> Input:
    given = _dict(block.get("input"))
    return Input(file_path=_text(given, "file_path") or "", notebook_path=_text(given, "notebook_path") or "")


def _time(value: object) -> datetime:
    """Without a zone it is UTC, as in all that Claude Code writes; 1970 where it is no time at all."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else EPOCH
    except ValueError:
        return EPOCH
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(raw: dict[str, Any], name: str) -> str | None:
    value = raw.get(name)
    return value[:LONGEST_TEXT] if isinstance(value, str) else None


def _is_negative(value: object) -> bool:
    return isinstance(value, int | float) and value < 0
