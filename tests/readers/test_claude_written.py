"""What Claude Code wrote: edits that were done, without what had stood there before; and no text in what is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meshclaw.flow.usage import Unread
from meshclaw.flow.written import Written, digests
from meshclaw.readers.claude_written import read
from tests.readers.test_claude_code import AT_MS, line

KEY = b"of this device"


def use(name: str, given: object, ident: str = "t1") -> dict[str, Any]:
    return {"type": "tool_use", "id": ident, "name": name, "input": given}


def result(ident: str = "t1", **more: object) -> dict[str, Any]:
    content = [{"type": "tool_result", "tool_use_id": ident, "content": "done"} | more]
    return {
        "timestamp": "2026-04-01T10:00:01Z",
        "type": "user",
        "message": {"role": "user", "content": content},
    }


def found(path: Path, *lines: dict[str, Any] | str) -> list[Written | Unread]:
    path.write_text(
        "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines), "utf-8"
    )
    return list(read(path, KEY))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            use("Write", {"file_path": "/w/a.py", "content": "one line\nanother line\n}\n"}),
            ["one line", "another line"],
        ),
        (
            use(
                "Edit",
                {
                    "file_path": "/w/a.py",
                    "old_string": "kept line\nold line",
                    "new_string": "kept line\nnew line",
                },
            ),
            ["new line"],
        ),
        (
            use(
                "MultiEdit",
                {"edits": [{"old_string": "a", "new_string": "first line"}, {"new_string": "second line"}]},
            ),
            ["first line", "second line"],
        ),
        (use("NotebookEdit", {"new_source": "cell line"}), ["cell line"]),
    ],
)
def test_an_edit_that_was_done_is_kept_by_digest(
    path: Path, block: dict[str, Any], expected: list[str]
) -> None:
    (written,) = found(path, line(content=[block]), result())
    assert written == Written(
        tool="claude-code", session="s1", model="claude-opus-4-5-20251101", repo="/work/repo", at=AT_MS,
        lines=digests(expected, KEY),
    )  # fmt: skip
    assert not [one for one in expected if one.encode() in msgspec.json.encode(written)]


@pytest.mark.parametrize(
    "lines",
    [
        [line(content=[use("Write", {"content": "one line"})]), result(is_error=True)],
        [line(content=[use("Read", {"file_path": "/w/a.py", "content": "one line"})])],
        [line(content=[use("Bash", {"command": "echo one line > a.py"})])],
        [line(content=[use("Write", {"content": "}\n"})])],
        [line(content="tool_use of one line")],
    ],
)
def test_what_was_refused_or_is_no_edit_is_not(path: Path, lines: list[dict[str, Any]]) -> None:
    assert found(path, *lines) == []


def test_a_block_that_is_repeated_counts_once_and_days_apart(path: Path) -> None:
    one = line(content=[use("Write", {"content": "one line"})])
    later = line(content=[use("Write", {"content": "later line"}, "t2")], timestamp="2026-04-02T10:00:00Z")
    written = [one for one in found(path, one, one, later) if isinstance(one, Written)]
    assert [len(part.lines) for part in written] == [1, 1]


BAD = {"type": "tool_use", "id": 1, "name": "Edit", "input": []}


@pytest.mark.parametrize(
    "bad",
    [
        '{"tool_use": 1}',
        '{"timestamp": "x", "a": "tool_", "tool_use": 2}',
        '"tool_use"',
        json.dumps({"timestamp": "2026-04-01T10:00:00Z", "message": {"content": [BAD]}}),
    ],
)
def test_a_line_that_cannot_be_read_is_told_and_the_rest_is_read(path: Path, bad: str) -> None:
    good = line(content=[use("Write", {"content": "one line"})])
    told = found(path, bad, good)
    assert [one.why for one in told if isinstance(one, Unread)] == ["malformed"]
    assert len([one for one in told if isinstance(one, Written)]) == 1
