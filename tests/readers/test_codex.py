from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from meshclaw.flow.usage import Tokens
from meshclaw.readers.base import START
from meshclaw.readers.codex import Codex
from meshclaw.testing import codex_tree
from tests.readers.reading import fullest, labels, read, read_text, total

NAME = "rollout-2026-04-01T09-00-00-0199aaaa-bbbb-4ccc-8ddd-eeeeffff0000.jsonl"


def files(root: Path) -> list[Path]:
    return [path for glob in Codex.source.globs for path in sorted(root.glob(glob))]


@pytest.mark.parametrize("seed", range(12))
def test_a_tree_with_every_trap_is_counted_exactly(tmp_path: Path, seed: int) -> None:
    truth = codex_tree.make(tmp_path, seed=seed)
    found = [read(Codex(), path) for path in files(tmp_path)]
    usages = fullest(usage for file in found for usage in file[0])
    sums = total(usages)
    assert {
        name: sums[name] for name in ("calls", "input_uncached", "cache_read", "output", "reasoning")
    } == {
        name: getattr(truth, name)
        for name in ("calls", "input_uncached", "cache_read", "output", "reasoning")
    }
    assert Counter(usage.model for usage in usages) == truth.by_model
    whys = Counter(unread.why for file in found for unread in file[1])
    assert whys == +Counter(negative=truth.negative, truncated=truth.truncated)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_file_read_in_steps_gives_what_it_gives_at_once(tmp_path: Path, seed: int) -> None:
    codex_tree.make(tmp_path, seed=seed, sessions=12)
    for path in files(tmp_path):
        content = path.read_bytes()
        at_once, _, _ = read(Codex(), path)
        steps, place = [], START
        for share in (0.3, 0.31, 0.8, 1):
            path.write_bytes(content[: int(len(content) * share)])
            usages, _, after = read(Codex(), path, place)
            assert after is not None
            steps, place = steps + usages, after
        assert steps == at_once


def line(kind: str, payload: object, at: str = "2026-06-01T10:00:00Z") -> str:
    return json.dumps({"timestamp": at, "type": kind, "payload": payload}) + "\n"


def counts(*, at: str = "2026-06-01T10:00:00Z", **last: object) -> str:
    return line("event_msg", {"type": "token_count", "info": {"last_token_usage": last}}, at)


def test_a_call_carries_where_and_with_what_it_was_made(tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Update File: src/pay/card.py\n*** Add File: docs/a b.MD\n"
    text = (
        line(
            "session_meta", {"id": "s1", "cwd": "/r", "git": {"branch": "PAY-311"}, "model_provider": "azure"}
        )
        + line("turn_context", {"model": "gpt-5", "cwd": "/r/sub"})
        + line("response_item", {"type": "custom_tool_call", "name": "apply_patch", "input": patch})
        + line("response_item", {"type": "local_shell_call"})
        + line("response_item", {"type": "message", "content": "token_count"})
        + counts(input_tokens=10, cached_input_tokens=4, cache_write_input_tokens=2, output_tokens=3)
        + counts(input_tokens=1)
    )
    (first, second), unread = read_text(Codex(), tmp_path / NAME, text)
    assert not unread
    assert first.tokens == Tokens(input_uncached=4, cache_read=4, cache_write_5m=2, output=3)
    assert (first.model, first.provider, first.session, first.repo, first.branch) == (
        "gpt-5", "azure", "s1", "/r/sub", "PAY-311",
    )  # fmt: skip
    assert (first.did, first.files) == (("apply_patch", "local_shell_call"), ("py", "md"))
    assert (second.did, second.files) == ((), ())
    assert first.key != second.key


def test_what_codex_exec_prints_is_read_too(tmp_path: Path) -> None:
    text = '{"type":"thread.started","thread_id":"t"}\n' + json.dumps(
        {"type": "turn.completed", "usage": {"input_tokens": 9, "cached_input_tokens": 2, "output_tokens": 1}}
    )
    (usage,), unread = read_text(Codex(), tmp_path / "out.jsonl", text + "\n")
    assert (usage.tokens, usage.key, unread) == (Tokens(input_uncached=7, cache_read=2, output=1), "t:1", [])


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (counts(input_tokens=-1), "negative"),
        (counts(input_tokens="many"), "malformed"),
        (counts(input_tokens=10**30), "malformed"),
        (counts(input_tokens=1.5), "malformed"),
        (counts(input_tokens=5, at="yesterday"), "malformed"),
        ("{'token_count': }\n", "malformed"),
        ("[" * 5_000 + "\n", "malformed"),
        ('{"token_count":' + "[" * 100_000 + "}\n", "malformed"),
        ("\xff\xfe\n", "malformed"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_read(tmp_path: Path, bad: str, why: str) -> None:
    usages, unread = read_text(
        Codex(), tmp_path / NAME, counts(input_tokens=1) + bad + counts(input_tokens=2)
    )
    assert labels(unread) == [(2, why)]
    assert unread[0].path == str(tmp_path / NAME)
    assert [usage.tokens.input_uncached for usage in usages] == [1, 2]


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_a_clock_that_cannot_be_right_is_named_and_the_call_still_counts(tmp_path: Path, at: str) -> None:
    usages, unread = read_text(Codex(), tmp_path / NAME, counts(input_tokens=1, at=at))
    assert (len(usages), labels(unread)) == (1, [(1, "clock")])


def test_a_new_kind_of_token_is_told_and_the_known_ones_are_counted(tmp_path: Path) -> None:
    usages, unread = read_text(Codex(), tmp_path / NAME, counts(input_tokens=1, quantum_tokens=7))
    assert usages[0].tokens == Tokens(input_uncached=1)
    assert [(item.why, item.what, item.count) for item in unread] == [("unknown-field", "quantum_tokens", 1)]


def test_a_line_of_80_megabytes_is_left_out_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with path.open("wb") as file:
        file.write(counts(input_tokens=1).encode())
        file.write(b'{"type":"event_msg","payload":"' + b"x" * (80 << 20) + b'"}\n')
        file.write(counts(input_tokens=2).encode())
    usages, unread, _ = read(Codex(), path)
    assert ([usage.tokens.input_uncached for usage in usages], labels(unread)) == ([1, 2], [(2, "too-long")])
