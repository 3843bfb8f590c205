"""What every reader of JSON needs: records of a file one by one, and fields that anybody may have written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, cast

import msgspec

from meshclaw.flow.usage import Unread, Usage, Why
from meshclaw.readers.base import START, Place, is_odd_clock
from meshclaw.readers.lines import LONGEST, read_lines

Fields = Mapping[str, Any]
NONE: Fields = {}
MOST_OF_A_CALL = 10**8
"""Tokens of one class in one call; no model takes or gives a tenth of it. Beyond it they are made up."""
MOST = 10**12
"""Tokens, credits or micro-dollars of a sum of calls."""
LONGEST_TEXT = 200
LONGEST_NAME = 40
LONGEST_ENDING = 12
LONGEST_NUMBER = 20
"""Digits of 64 bits."""
MOST_STRANGERS = 20

_decode = msgspec.json.Decoder().decode


class Odd(Exception):
    """This record says something that cannot be: a signal within one reader, never seen outside."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


def read_records(
    path: Path, place: Place = START, mark: bytes = b""
) -> Iterator[tuple[int, Fields] | Unread | Place]:
    """Each line's object that contains ``mark``, with its number; the rest as ``read_lines`` has it."""
    for found in read_lines(path, place, mark):
        if not isinstance(found, tuple):
            yield found
            continue
        number, line = found
        fields = decoded(line)
        if fields is None:
            yield Unread(path=str(path), line=number, why="malformed")
        else:
            yield number, fields


def read_whole(path: Path) -> Fields | list[Any] | Unread:
    """A file that is one JSON value."""
    if path.stat().st_size > LONGEST:
        return Unread(path=str(path), why="too-long")
    content = path.read_bytes()
    value = _any(content)
    if isinstance(value, dict | list):
        return cast("Fields | list[Any]", value)
    is_open = content.strip()[:1] in {b"{", b"["} and content.strip()[-1:] not in {b"}", b"]"}
    return Unread(path=str(path), why="truncated" if is_open else "malformed")


def decoded(data: bytes | bytearray | str) -> Fields | None:
    """None for what is no JSON object."""
    value = _any(data)
    return cast("Fields", value) if isinstance(value, dict) else None


def _any(data: bytes | bytearray | str) -> object:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def told(
    usage: Usage, path: Path | str, line: int, *, cost: object = None, per_unit: int = 1_000_000
) -> Iterator[Usage | Unread]:
    """The call with ``cost``, what the source says it cost; and what cannot be right about its clock or that cost.

    ``per_unit``: micro-dollars of one unit of ``cost``.
    """
    if is_odd_clock(usage.at):
        yield Unread(path=str(path), line=line, why="clock")
    try:
        micros = scaled(cost, per_unit)
    except Odd as odd:
        micros = None
        yield Unread(path=str(path), line=line, why=odd.why)
    yield usage if micros is None else msgspec.structs.replace(usage, reported_micros=micros)


def strangers(path: Path, names: Counter[str]) -> Iterator[Unread]:
    """Fields beside those that are understood, and how often."""
    for name, count in names.most_common(MOST_STRANGERS):
        yield Unread(path=str(path), why="unknown-field", what=name[:LONGEST_NAME], count=count)


def table(fields: Fields, *names: str) -> Fields:
    """What lies at the path ``names``; empty where there is no object."""
    for name in names:
        value = fields.get(name)
        fields = cast("Fields", value) if isinstance(value, dict) else NONE
    return fields


def rows(fields: Fields, name: str) -> list[Fields]:
    """The objects of a list."""
    value = fields.get(name)
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Fields", item) for item in items if isinstance(item, dict)]


def text(fields: Fields, *names: str) -> str:
    """The first of ``names`` that holds one; empty where none does."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value[:LONGEST_TEXT]
    return ""


def whole(fields: Fields, *names: str, most: int = MOST_OF_A_CALL) -> int:
    """The first of ``names`` that is there; 0 where none is. Odd unless it is a count that can be."""
    for name in names:
        if (value := fields.get(name)) is not None:
            return value if type(value) is int and 0 <= value <= most else _whole(value, most)
    return 0


def _whole(value: object, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < LONGEST_NUMBER:
        value = int(value)  # protobuf's JSON writes 64-bit numbers as text
    if isinstance(value, bool) or not isinstance(value, int):
        raise Odd("malformed")
    if value < 0:
        raise Odd("negative")
    if value > most:
        raise Odd("malformed")
    return value


def scaled(value: object, times: int) -> int | None:
    """A decimal number, or text of one, ``times`` that many, to the nearest whole; None where there is none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Odd("malformed")
    try:
        number = Decimal(str(value)) * times
        if not number.is_finite() or abs(number) > MOST:
            raise Odd("malformed")
    except InvalidOperation as error:
        raise Odd("malformed") from error
    if number < 0:
        raise Odd("negative")
    return int(number.to_integral_value())


def moment(value: object) -> int:
    """Unix milliseconds from a time as ISO 8601 (without a zone: UTC), or from Unix seconds or milliseconds."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError as error:
            raise Odd("malformed") from error
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return int(at.timestamp() * 1000)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MOST * 1000:
        raise Odd("malformed")
    return int(value) if abs(value) >= 10**11 else int(value * 1000)


def changed_at(path: Path) -> int:
    """For records that carry no time of their own: when the file was last written, in Unix milliseconds."""
    return path.stat().st_mtime_ns // 1_000_000


def ending(name: str) -> str:
    """``py`` of ``src/a.py``; empty for what is no ending of a file."""
    suffix = PurePosixPath(name.replace("\\", "/")).suffix[1:].lower()
    return suffix if suffix.isalnum() and len(suffix) <= LONGEST_ENDING else ""


def unique(names: list[str]) -> tuple[str, ...]:
    """Without empty and repeated ones, in their order."""
    return tuple(dict.fromkeys(name for name in names if name))


def digest(*parts: object) -> str:
    """A key from parts that are not to be kept as they are, such as a person's address."""
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]
