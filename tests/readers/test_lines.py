"""Lines are cut the same way however the file is read, and what is wrong with one is said with its number."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.usage import Unread
from meshclaw.readers import lines
from meshclaw.readers.base import START, Place
from meshclaw.readers.lines import read_lines


def read(path: Path, data: bytes, place: Place = START, mark: bytes = b"") -> tuple[list[object], Place]:
    path.write_bytes(data)
    *found, last = read_lines(path, place, mark)
    assert isinstance(last, Place)
    return [(item.line, item.why) if isinstance(item, Unread) else item for item in found], last


@pytest.mark.parametrize(
    ("data", "found", "place"),
    [
        (b"", [], (0, 0)),
        (b'{"a":1}\n', [(1, b'{"a":1}')], (8, 1)),
        (b'{"a":1}\r\n\n {"b":2} \n', [(1, b'{"a":1}'), (3, b'{"b":2}')], (20, 3)),
        (b'{"a":1}\n{"b":2}', [(1, b'{"a":1}'), (2, b'{"b":2}')], (8, 1)),
        (b'{"a":1}\n{"b":', [(1, b'{"a":1}'), (2, "truncated")], (8, 1)),
        (b'{"a":1}\n{"b":{"c":1}', [(1, b'{"a":1}'), (2, "truncated")], (8, 1)),
        (b'nothing\n{"a":1}\n\0\0\0\n', [(1, "malformed"), (2, b'{"a":1}'), (3, "malformed")], (20, 3)),
        (b"[1]", [(1, "malformed")], (0, 0)),
    ],
)
def test_what_a_file_gives(tmp_path: Path, data: bytes, found: list[object], place: tuple[int, int]) -> None:
    given_, last = read(tmp_path / "f", data)
    assert (given_, (last.offset, last.line)) == (found, place)


def test_only_lines_with_the_mark_are_given(tmp_path: Path) -> None:
    found, _ = read(tmp_path / "f", b'{"a":1}\n{"usage":1}\n {"usage":2}\n', mark=b'"usage"')
    assert found == [(2, b'{"usage":1}'), (3, b'{"usage":2}')]


@pytest.mark.parametrize(
    ("start", "is_given"),
    [
        (b'{"type":"user","message":{"usage":1,', False),
        (b'{"cwd":"/work","type":"user","message":{"usage":1,', False),
        (b'{"message":{"type":"user","usage":1},', True),
        (b'{"type":"assistant","message":{"input":{"type":"user"},"usage":1},', True),
        (b'{"cwd":"\\"type\\":\\"user\\"","message":{"usage":1},', True),
        (b'{"cwd":"' + b"x" * lines.NEAR + b'","type":"user","message":{"usage":1},', True),
    ],
)
def test_long_lines_of_another_type_are_passed_over_and_what_lies_deeper_is_no_type(
    tmp_path: Path, start: bytes, is_given: bool
) -> None:
    line = start + b'"rest":"' + b"x" * lines.LONG + b'"}'
    path = tmp_path / "f"
    path.write_bytes(line + b"\n" + b'{"usage":2}\n')
    *found, _ = read_lines(path, mark=b'"usage"', other=b'"type":"user"')
    assert found == [(1, line)] * is_given + [(2, b'{"usage":2}')]


@pytest.mark.parametrize("ends", [True, False])
def test_a_line_that_is_too_long_is_named_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    monkeypatch.setattr(lines, "CHUNK", 64)
    monkeypatch.setattr(lines, "LONGEST", 100)
    long = b'{"a":"' + b"x" * 300 + b'"}'
    data = b'{"a":1}\n' + long + (b'\n{"b":2}\n' if ends else b"")
    found, last = read(tmp_path / "f", data)
    assert found == [(1, b'{"a":1}'), (2, "too-long"), *([(3, b'{"b":2}')] if ends else [])]
    assert last.offset == (len(data) if ends else 8)


@given(
    parts=st.lists(st.sampled_from([b'{"a":1}', b"", b"nothing", b'{"b":"\xc3\xa4"}', b"{"]), max_size=12),
    cut=st.integers(0, 200),
    chunk=st.integers(1, 40),
)
def test_a_file_read_in_two_steps_gives_what_it_gives_at_once(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], cut: int, chunk: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "grown"
    data = b"\n".join(parts) + b"\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        whole, end = read(path, data)
        first, place = read(path, data[:cut])
        rest, last = read(path, data, place)
    early = [item for item in first if item[0] <= place.line]  # type: ignore[index]
    assert (early + rest, last) == (whole, end)
