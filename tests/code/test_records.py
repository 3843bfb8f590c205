"""Notes and traces: line by line, with what cannot be believed left out and told."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.code import commits
from meshclaw.code.attribution import attribute, records
from meshclaw.code.attribution.beside import Beside, disjoint
from meshclaw.code.attribution.notes import LARGEST, REF
from meshclaw.code.git import opened
from meshclaw.flow.attribution import Attribution
from tests.code.repository import NOW, Repository

SESSION, PROMPT, HUMAN = "s_0123456789abcd", "d9978a8723e02b52", "h_0123456789abcd"
METADATA = {
    "schema_version": "authorship/3.0.0",
    "base_commit_sha": "0" * 40,
    "prompts": {PROMPT: {"agent_id": {"tool": "cursor", "id": "talk-1", "model": "gpt-5"}, "messages": []}},
    "sessions": {SESSION: {"agent_id": {"tool": "claude", "id": "talk-2", "model": "claude-opus-4-5"}}},
    "humans": {HUMAN: {"author": "Dev One <dev@example.org>"}},
}
BOTH = f"""a.py
  {SESSION}::t_00000000000001 1-3,7
  {HUMAN} 4-6
"my file.py"
  {PROMPT} 2
"""


class Noted(Repository):
    def note(self, sha: str, text: bytes, *, fan_out: bool = False) -> None:
        blob = self.git("hash-object", "-w", "--stdin", given=text)
        if not fan_out:
            entry = f"100644 blob {blob}\t{sha}\0".encode()
        else:
            inner = self.git("mktree", "-z", given=f"100644 blob {blob}\t{sha[2:]}\0".encode())
            entry = f"040000 tree {inner}\t{sha[:2]}\0".encode()
        tree = self.git("mktree", "-z", given=entry)
        raw = f"tree {tree}\nauthor a <a> {NOW} +0000\ncommitter a <a> {NOW} +0000\n\nnotes".encode()
        self.git("update-ref", REF, self.git("hash-object", "-w", "-t", "commit", "--stdin", given=raw))


def note(above: str, metadata: object = METADATA) -> bytes:
    return f"{above}---\n{json.dumps(metadata)}".encode()


@pytest.fixture
def repository(tmp_path: Path) -> Noted:
    return Noted(tmp_path)


def begun(repository: Repository, files: dict[bytes, bytes] | None = None) -> str:
    sha = repository.commit(b"Begin\n", files=files or {b"a.py": b"1\n" * 9})
    repository.main(sha)
    return sha


def read(repository: Repository, *places: Path) -> Beside:
    with opened(repository.path) as ours:
        return records.read(ours, commits.read(ours), places=places)


def attributed(repository: Repository) -> Attribution:
    with opened(repository.path) as ours:
        graph = commits.read(ours)
        return attribute.of(graph, records.read(ours, graph).evidence).by_commit[ours.head]


@pytest.mark.parametrize("fan_out", [False, True])
def test_a_note_says_who_wrote_which_lines(repository: Noted, fan_out: bool) -> None:
    sha = begun(repository)
    repository.note(sha, note(BOTH), fan_out=fan_out)
    found = read(repository)
    assert [
        (mark.origin, mark.tool, mark.evidence[0].model, mark.evidence[0].session) for mark in found.marks[1:]
    ] == [
        ("ai", "claude-code", "claude-opus-4-5", "talk-2"),
        ("human", "", "", ""),
        ("ai", "cursor", "gpt-5", "talk-1"),
    ]
    assert found.lines == {sha: {b"a.py": [(1, 3, 1), (4, 6, 2), (7, 7, 1)], b"my file.py": [(2, 2, 3)]}}
    assert {(piece.origin, piece.tool, piece.confidence) for piece in found.evidence[sha]} == {
        ("ai", "claude-code", "certain"),
        ("ai", "cursor", "certain"),
    }
    assert found.caveats == []
    assert attributed(repository).tool == "several"


def test_a_note_that_knows_only_people_is_evidence_of_them(repository: Noted) -> None:
    repository.note(begun(repository), note(f"a.py\n  {HUMAN} 1-9\n"))
    found = attributed(repository)
    assert (found.origin, [piece.origin for piece in found.evidence]) == ("human", ["human"])


def test_a_note_without_lines_says_nothing(repository: Noted) -> None:
    repository.note(begun(repository), note(""))
    assert read(repository) == Beside()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"a.py\n  x 1\n", "no line ---"),
        (b"a.py\n---\n{", "its JSON cannot be read"),
        (b"a.py\n---\n" + b"[" * 100_000, "its JSON cannot be read"),
        (note("", {"schema_version": "other/9"}), "its version is 'other/9'"),
        (note(f"../../etc/passwd\n  {PROMPT} 1\n"), "leads out of the repository"),
        (note(f"/etc/passwd\n  {PROMPT} 1\n"), "leads out of the repository"),
        (note(f".git/config\n  {PROMPT} 1\n"), "leads out of the repository"),
        (note("a.py\n  ffffffffffffffff 1\n"), "nothing says who"),
        (note(f"a.py\n  {PROMPT} 0\n"), "is no range of lines"),
        (note(f"a.py\n  {PROMPT} 9-3\n"), "is no range of lines"),
        (note(f"a.py\n  {PROMPT} 1-99999999999\n"), "is no range of lines"),
        (note(f"a.py\n  {PROMPT} one\n"), "is no range of lines"),
        (note(f"a.py\n  {PROMPT}\n"), "is no range of lines"),
        (note(f"  {PROMPT} 1\n"), "has no path"),
        (b"\xff\xfe\0", "no line ---"),
        (b"", "no line ---"),
        (b" " * (LARGEST + 1), "larger than"),
    ],
)
def test_a_note_that_is_not_what_the_standard_says_is_left_out_and_told(
    repository: Noted, text: bytes, why: str
) -> None:
    repository.note(begun(repository), text)
    found = read(repository)
    assert (found.lines, found.evidence) == ({}, {})
    (caveat,) = found.caveats
    assert why in caveat


def test_damage_beside_the_commits_is_told_and_the_rest_is_read(repository: Noted, tmp_path: Path) -> None:
    sha = begun(repository)
    repository.note(sha, note(BOTH))
    tree = repository.git("rev-parse", f"{REF}^{{tree}}")
    (repository.path / ".git/objects" / tree[:2] / tree[2:]).unlink()
    (tmp_path / "one.json").write_text(json.dumps(trace(sha)))
    found = read(repository, tmp_path)
    assert list(found.lines) == [sha]
    (caveat,) = found.caveats
    assert "Notes of git-ai could not be read" in caveat


def test_two_commits_with_the_same_note_both_have_it(repository: Noted) -> None:
    first = begun(repository)
    second = repository.commit(b"More\n", parents=[first])
    repository.main(second)
    text = note(BOTH)
    blob = repository.git("hash-object", "-w", "--stdin", given=text)
    entries = "".join(f"100644 blob {blob}\t{sha}\0" for sha in sorted([first, second]))
    tree = repository.git("mktree", "-z", given=entries.encode())
    raw = f"tree {tree}\nauthor a <a> {NOW} +0000\ncommitter a <a> {NOW} +0000\n\nnotes".encode()
    repository.git(
        "update-ref", REF, repository.git("hash-object", "-w", "-t", "commit", "--stdin", given=raw)
    )
    assert set(read(repository).lines) == {first, second}


def test_a_note_on_a_commit_of_another_history_is_nobodys(repository: Noted) -> None:
    begun(repository)
    repository.note("f" * 40, note(BOTH))
    found = read(repository)
    assert (found.lines, found.evidence) == ({}, {})
    assert found.caveats[0].startswith("1 notes of git-ai are on commits that are not in this history")


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 9), st.integers(1, 3)).map(
            lambda r: (r[0], r[0] + r[1], r[2])
        )
    )
)
def test_of_ranges_that_meet_the_last_holds(ranges: list[tuple[int, int, int]]) -> None:
    expected = {line: number for first, last, number in ranges for line in range(first, last + 1)}
    found = disjoint(ranges)
    assert {line: number for first, last, number in found for line in range(first, last + 1)} == expected
    assert all(one[1] < other[0] for one, other in pairwise(found))


def trace(sha: str, path: str = "a.py", **more: object) -> dict[str, object]:
    talk = {
        "url": "https://example.org/talks/talk-3",
        "contributor": {"type": "ai", "model_id": "anthropic/claude-opus-4-5"},
        "ranges": [
            {"start_line": 1, "end_line": 3},
            {"start_line": 5, "end_line": 5, "contributor": {"type": "human"}},
        ],
    }
    record: dict[str, object] = {
        "version": "0.1.0", "id": "550e8400-e29b-41d4-a716-446655440000", "timestamp": "2026-01-25T10:00:00Z",
        "vcs": {"type": "git", "revision": sha}, "tool": {"name": "cursor", "version": "2"},
        "files": [{"path": path, "conversations": [talk]}],
    }  # fmt: skip
    return record | more


def test_a_trace_says_who_wrote_which_lines(repository: Noted, tmp_path: Path) -> None:
    sha = begun(repository)
    (tmp_path / "traces.jsonl").write_text(f"{json.dumps(trace(sha))}\n\n")
    found = read(repository, tmp_path / "traces.jsonl")
    assert found.lines == {sha: {b"a.py": [(1, 3, 1), (5, 5, 2)]}}
    (piece,) = found.evidence[sha]
    assert (piece.source, piece.tool, piece.model, piece.session, piece.confidence) == (
        "trace", "cursor", "anthropic/claude-opus-4-5", "talk-3", "strong",
    )  # fmt: skip
    assert found.caveats == []


def test_traces_that_the_head_holds_are_read(repository: Repository) -> None:
    first = begun(repository)
    blob = repository.git("hash-object", "-w", "--stdin", given=json.dumps(trace(first)).encode())
    inner = repository.git("mktree", "-z", given=f"100644 blob {blob}\tone.json\0".encode())
    tree = repository.git("mktree", "-z", given=f"040000 tree {inner}\t.agent-trace\0".encode())
    raw = (
        f"tree {tree}\nparent {first}\nauthor a <a> {NOW} +0000\ncommitter a <a> {NOW} +0000\n\nMore".encode()
    )
    repository.main(repository.git("hash-object", "-w", "-t", "commit", "--stdin", given=raw))
    assert list(read(repository).lines) == [first]


def test_a_contributor_of_both_kinds_marks_lines_as_nobodys_alone(repository: Noted, tmp_path: Path) -> None:
    sha = begun(repository)
    mixed = trace(sha)
    mixed["files"][0]["conversations"][0]["contributor"] = {"type": "mixed"}  # type: ignore[index]
    (tmp_path / "one.json").write_text(json.dumps(mixed))
    found = read(repository, tmp_path)
    assert [mark.origin for mark in found.marks] == ["unknown", "unknown", "human"]
    assert [piece.origin for piece in found.evidence[sha]] == ["ai"]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda sha: trace("f" * 40), "1 that name no commit"),
        (lambda sha: trace(sha[:12]), "1 that name no commit"),
        (lambda sha: trace(sha, vcs={"type": "jj", "revision": sha}), "1 that name no commit"),
        (lambda sha: trace(sha, vcs=None), "1 that name no commit"),
        (lambda sha: trace(sha, "b.py"), "1 that name no commit of this history that changed their file"),
        (lambda sha: trace(sha, "../a.py"), "1 that name no commit"),
        (lambda sha: trace(sha, files="a.py"), "cannot be read"),
        (lambda sha: [sha], "cannot be read"),
    ],
)
def test_a_trace_that_cannot_be_believed_is_left_out_and_told(
    repository: Noted, tmp_path: Path, made: object, why: str
) -> None:
    sha = begun(repository)
    (tmp_path / "one.json").write_text(json.dumps(made(sha)))  # type: ignore[operator]
    found = read(repository, tmp_path)
    assert (found.lines, found.evidence) == ({}, {})
    (caveat,) = found.caveats
    assert why in caveat
