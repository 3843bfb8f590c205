"""Claude Code's transcripts: every way they repeat, tear or forge a call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.readers.base import START, Place
from meshclaw.readers.claude_code import ClaudeCode

AT = "2026-04-01T10:00:00.123Z"
AT_MS = 1_775_037_600_123
USAGE = {
    "input_tokens": 5, "output_tokens": 70, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 400,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "service_tier": "standard",
}  # fmt: skip


def line(message: str | None = "msg_1", request: str | None = "req_1", **changed: Any) -> dict[str, Any]:
    usage = USAGE | changed.pop("usage", {})
    content = changed.pop("content", [{"type": "text", "text": "hello"}])
    model = changed.pop("model", "claude-opus-4-5-20251101")
    return {
        "timestamp": AT, "sessionId": "s1", "cwd": "/work/repo", "gitBranch": "fix/PAY-311", "version": "2.1.0",
        "isSidechain": False, "type": "assistant", "uuid": "u1", "requestId": request,
        "message": {"id": message, "role": "assistant", "model": model, "content": content, "usage": usage},
    } | changed  # fmt: skip


def read(
    path: Path, *lines: dict[str, Any] | str, end: str = "\n"
) -> tuple[list[Usage], list[tuple[int, str, str]]]:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    path.write_text("\n".join(texts) + end, "utf-8")
    found = list(ClaudeCode().read(path))
    usages = [one for one in found if isinstance(one, Usage)]
    return usages, [(one.line, one.why, one.what) for one in found if isinstance(one, Unread)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


def test_a_line_becomes_a_usage(path: Path) -> None:
    edit = {"type": "tool_use", "id": "t", "name": "Edit", "input": {"file_path": "/work/repo/src/a.py"}}
    [usage], unread = read(path, line(content=[edit], usage={"server_tool_use": {"web_search_requests": 2}}))
    assert unread == []
    assert usage == Usage(
        tool="claude-code", evidence="transcript", key="req_1", message="msg_1", at=AT_MS,
        model="claude-opus-4-5-20251101", provider="anthropic",
        tokens=Tokens(
            input_uncached=5, cache_read=400, cache_write_5m=10, cache_write_1h=20, output=70, tool=2
        ),
        service_tier="standard", session="s1", repo="/work/repo", branch="fix/PAY-311", did=("Edit",),
        files=("py",),
    )  # fmt: skip


def test_the_blocks_of_an_answer_are_one_call_with_the_fullest_counts(path: Path) -> None:
    early = line(usage={"output_tokens": 3}, content=[{"type": "tool_use", "name": "Read", "input": {}}])
    late = line(timestamp="2026-04-01T10:00:02Z", content=[{"type": "tool_use", "name": "Bash", "input": {}}])
    for order in ([early, late], [late, early], [early, late, early]):
        [usage], _ = read(path, *order)
        assert (usage.tokens.output, usage.at, set(usage.did)) == (70, AT_MS, {"Read", "Bash"})


@pytest.mark.parametrize(
    ("lines", "calls"),
    [
        ([line(), line()], 1),
        ([line(), line(request="req_2")], 2),
        ([line(), line("msg_2")], 2),
        ([line(request=None), line(request=None)], 1),
        ([line(None, None, uuid="a"), line(None, None, uuid="b"), line(None, None, uuid="a")], 2),
        ([line(None, None, uuid=None), line(None, None, uuid=None)], 1),
        ([line(model="<synthetic>", usage=dict.fromkeys(USAGE, None) | {"input_tokens": 0, "output_tokens": 0})], 0),
        ([{"type": "user", "toolUseResult": {"usage": {"input_tokens": 9}}, "timestamp": AT}], 0),
        ([{"type": "user", "message": {"content": 'he said "usage":{"output_tokens":5}'}, "timestamp": AT}], 0),
    ],
)  # fmt: skip
def test_how_many_calls_lines_are(path: Path, lines: list[dict[str, Any]], calls: int) -> None:
    usages, unread = read(path, *lines)
    assert (len(usages), unread) == (calls, [])


def test_a_synthetic_answer_that_used_something_counts_without_a_model(path: Path) -> None:
    [usage], _ = read(path, line(model="<synthetic>"))
    assert (usage.model, usage.tokens.output) == ("", 70)


def test_what_a_side_chain_repeats_keeps_its_id_and_is_by_machine(path: Path) -> None:
    main, side = read(path, line(), line(request="req_side", isSidechain=True))[0]
    assert (main.message, main.by_machine) == (side.message, False)
    assert (side.key, side.by_machine) == ("req_side", True)


def test_the_shape_that_a_sub_agent_reports_in_is_read_too(path: Path) -> None:
    inner = line(costUSD=0.25)
    outer = {
        "type": "progress",
        "sessionId": "s1",
        "cwd": "/work/repo",
        "timestamp": AT,
        "data": {"message": inner},
    }
    [usage], unread = read(path, outer)
    assert (usage.tokens.output, usage.session, usage.reported_micros, unread) == (70, "s1", 250_000, [])


def test_without_the_split_all_that_was_written_to_the_cache_is_for_five_minutes(path: Path) -> None:
    [usage], _ = read(path, line(usage={"cache_creation": None}))
    assert (usage.tokens.cache_write_5m, usage.tokens.cache_write_1h) == (30, 0)


@pytest.mark.parametrize(
    ("bad", "calls", "unread"),
    [
        ("{no call, whatever it is}", 0, []),
        ('{"usage": {"output_tokens": not json}}', 0, [(2, "malformed", "")]),
        ("nothing", 0, [(2, "malformed", "")]),
        (line("m2", usage={"output_tokens": -5}), 0, [(2, "negative", "output_tokens")]),
        (line("m2", usage={"cache_creation": {"ephemeral_5m_input_tokens": -1}}), 0,
         [(2, "negative", "ephemeral_5m_input_tokens")]),
        (line("m2", usage={"input_tokens": "5"}), 0, [(2, "malformed", "usage")]),
        (line("m2", usage={"input_tokens": 10**30}), 0, [(2, "malformed", "usage")]),
        (line("m2", usage={"new_tokens": 5}), 1, [(2, "unknown-field", "new_tokens")]),
        (line("m2", usage={"cache_creation": {"ephemeral_1d_input_tokens": 5}}), 1,
         [(2, "unknown-field", "ephemeral_1d_input_tokens")]),
        (line("m2", timestamp="1970-01-01T00:00:00Z"), 1, [(2, "clock", "")]),
        (line("m2", timestamp="2099-01-01T00:00:00Z"), 1, [(2, "clock", "")]),
        (line("m2", timestamp="yesterday"), 1, [(2, "clock", "")]),
        (line("m2", timestamp=None), 1, [(2, "clock", "")]),
        (line("m2", timestamp="2026-04-01T10:00:00"), 1, []),
        (line("m2", costUSD=-1), 1, [(2, "negative", "costUSD")]),
        (line("m2", costUSD=1e30), 1, [(2, "malformed", "costUSD")]),
        (line("m2", cwd=5, gitBranch=["x"], sessionId={}), 1, []),
        (line("m2", content=[5, {"type": "tool_use", "name": 7, "input": "x"}]), 1, []),
        (line("m2", data="text", isSidechain="no"), 1, []),
        (line("m" * 100_000), 1, []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_the_rest_is_read(
    path: Path, bad: dict[str, Any] | str, calls: int, unread: list[tuple[int, str, str]]
) -> None:
    usages, told = read(path, line(), bad, line("m3"))
    assert (len(usages), told) == (2 + calls, unread)
    assert all(usage.tokens.cache_read >= 0 for usage in usages)


def test_a_half_written_end_is_read_when_it_has_grown(path: Path) -> None:
    whole = json.dumps(line("m2"))
    usages, unread = read(path, line(), whole[:-20], end="")
    assert (len(usages), unread) == (1, [(2, "truncated", "")])
    [place] = [one for one in ClaudeCode().read(path) if isinstance(one, Place)]
    assert place != START
    path.write_text(json.dumps(line()) + "\n" + whole + "\n", "utf-8")
    again = [one for one in ClaudeCode().read(path, place) if isinstance(one, Usage)]
    assert [usage.message for usage in again] == ["m2"]
