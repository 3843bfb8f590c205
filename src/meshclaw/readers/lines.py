"""Files of one JSON object a line, in bounded memory, from any line on."""

from __future__ import annotations

from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Unread
from meshclaw.readers.base import START, Place

CHUNK = 1 << 18
STEP = 1 << 20
"""Bytes by which the buffer grows: doubling it would need half as much again for a moment."""
LONGEST = 32 << 20
"""Bytes of the longest line that is held; real ones hold pictures and reach a few megabytes."""

NEAR, LONG = 400, 3_000
"""Bytes from the start of a line, and bytes of a line in which to look for something costs more than that."""
OPEN, SHUT = b"{}"

Line = tuple[int, bytes | bytearray]
"""Number, 1 for the first of the file, and bytes without the line's end."""


_spare: list[bytearray] = []


def read_lines(
    path: Path, place: Place = START, mark: bytes = b"", other: bytes = b""
) -> Iterator[Line | Unread | Place]:
    """Each line that contains ``mark``, and where to go on; what cannot be one JSON object is ``malformed``.

    ``other``: a field of the object itself, as in ``"type":"user"``. Lines that have it near their start, before any
    object within the object, are not looked at any further; in transcripts most bytes are in such lines.

    A last line without its end is given too where it is whole, else it is ``truncated``; the place stays before it.
    """
    name, number, offset = str(path), place.line, place.offset
    buffer, held = _buffer(), 0
    find, rfind = buffer.find, buffer.rfind
    with FileIO(path) as file:
        file.seek(offset)
        while got := file.readinto(memoryview(buffer)[held:]):
            stop, at, seek = held + got, 0, held
            while (end := find(b"\n", seek, stop)) >= 0:
                number += 1
                if buffer[at] != OPEN or buffer[end - 1] != SHUT:
                    yield from _odd(name, number, bytes(buffer[at:end]).strip(), mark)
                elif end - at > LONG and other and -1 < find(other, at, at + NEAR) < find(b"{", at + 1, end):
                    pass
                elif rfind(mark, at, end) >= 0:  # from behind: usage follows the text
                    yield number, buffer[at:end]
                at = seek = end + 1
            offset, held = offset + at, stop - at
            buffer[:held] = buffer[at:stop]
            if held < len(buffer):
                continue
            if held < LONGEST:
                buffer.extend(bytes(min(held, STEP)))
                continue
            yield Unread(path=name, line=number + 1, why="too-long")
            held, after = 0, _end_of_line(file)
            if after is None:
                break
            number, offset = number + 1, after
            file.seek(after)
    yield from _last(name, number + 1, bytes(memoryview(buffer)[:held]).strip(), mark)
    if len(buffer) == CHUNK:
        _spare.append(buffer)
    yield Place(offset=offset, line=number)


def _buffer() -> bytearray:
    """One that was used before is in the cache of the processor already."""
    while _spare:
        if len(buffer := _spare.pop()) == CHUNK:
            return buffer
    return bytearray(CHUNK)


def _end_of_line(file: FileIO) -> int | None:
    """Offset behind the next line end; None where the file ends first."""
    while chunk := file.read(CHUNK):
        if (end := chunk.find(b"\n")) >= 0:
            return file.tell() - len(chunk) + end + 1
    return None


def _odd(name: str, number: int, line: bytes, mark: bytes) -> Iterator[Line | Unread]:
    """White space around an object is allowed, and so is an empty line."""
    if line[:1] == b"{" and line[-1:] == b"}":
        if mark in line:
            yield number, line
    elif line:
        yield Unread(path=name, line=number, why="malformed")


def _last(name: str, number: int, line: bytes, mark: bytes) -> Iterator[Line | Unread]:
    if not line:
        return
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except msgspec.DecodeError:
        yield Unread(path=name, line=number, why="truncated")
    else:
        yield from _odd(name, number, line, mark)
