"""Each trap of a history in a repository made for it, beside ``git blame``."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.code.lifetimes import Lines, read
from meshclaw.errors import NotFound
from tests.code.building import Builder, Tree, blame, git, text

A, B, C, D = (text(*(f"{name} {line}" for line in range(12))) for name in "abcd")
LATIN = "caf\u00e9 noir\n".encode("latin-1") * 3
TRAPS: dict[str, list[Tree]] = {
    "lines come and go": [
        {b"f": text("1", "2", "3")},
        {b"f": text("0", "1", "3")},
        {b"f": text("0", "1", "1", "3", "4")},
        {b"f": text("4")},
    ],
    "rename": [{b"f": A, b"g": B}, {b"h/i": A, b"g": B}, {b"h/i": A + b"more\n", b"g": B}],
    "rename with a change": [{b"f": A}, {b"g": b"first\n" + A.replace(b"a 7\n", b"")}],
    "rename there and back": [{b"f": A}, {b"g": A}, {b"f": A + b"x\n"}],
    "two files change names": [{b"f": A, b"g": B}, {b"f": B, b"g": A}, {b"f": A, b"g": B}],
    "gone and back": [{b"f": A, b"g": B}, {b"g": B}, {b"f": A, b"g": B}],
    "mode": [{b"f": A}, {b"f": ("100755", A)}, {b"f": ("100755", A + b"x\n")}],
    "mode and name": [{b"f": A}, {b"g": ("100755", A)}],
    "no last newline": [
        {b"f": text("1", "2", end="")},
        {b"f": text("1", "2")},
        {b"f": text("1", "2", "3", end="")},
    ],
    "empty file": [{b"f": b"", b"g": A}, {b"f": b"1\n", b"g": A}, {b"f": b"", b"g": A}, {b"h": b"", b"g": A}],
    "only blank lines": [{b"f": b"\n\n\n"}, {b"f": b"\n\n"}, {b"f": b"\n \n\n"}],
    "line endings": [{b"f": A}, {b"f": A.replace(b"\n", b"\r\n")}, {b"f": A}],
    "carriage returns alone": [{b"f": b"a\rb\rc\n"}, {b"f": b"a\rb\rc\nd\r\n"}],
    "encoding": [{b"f": LATIN}, {b"f": LATIN.decode("latin-1").encode()}, {b"f": LATIN}],
    "link becomes file": [
        {b"f": ("120000", b"g"), b"g": A},
        {b"f": B, b"g": A},
        {b"f": ("120000", b"h"), b"g": A},
    ],
    "link": [{b"f": ("120000", b"here")}, {b"f": ("120000", b"there")}],
    "folder becomes file": [{b"f/g": A, b"f/h": B}, {b"f": A}, {b"f/g": A}],
    "looks like git's words": [
        {b"f": b"diff --git f f\n@@ -1,2 +3,4 @@\n"},
        {b"f": b"@@ -1,2 +3,4 @@\ndiff --git f f\n\\ No newline at end of file\n--- f\n+++ f\n"},
        {b"f": b"--- f\n\x01deadbeef\n+++ f\n\t@@ -1 +1 @@\n \tdiff --git g g"},
        {b"f": b"\\ No newline at end of file"},
        {b"f": b"\\ No newline at end of file\n"},
    ],
    "long lines": [{b"f": b"x" * 5000 + b"\n" + A}, {b"f": b"x" * 5000 + b"y\n" + A + b"z" * 1001}],
    "names": [
        {b"a b": A, b"c\nd": B, b"\xff\xfe": C, b'"e"': D},
        {b"a b": A + b"x\n", b"c\nd": B + b"x\n", b"\xff\xfe": C + b"x\n", b'"e"': D + b"x\n"},
        {b"b a ": A + b"x\n", b"d\t\nc": B + b"x\n", b"\xfe\xff\\": C + b"x\n", b" a/b c b/b": D + b"x\n"},
    ],
    "names that look like others": [
        {b"a b/c a": A, b"x": B},
        {b"a b/c a": A + b"1\n", b"rename from x": B, b"\x01" + b"0" * 40: C},
        {b"rename to": A + b"1\n", b"rename from x": B, b"\x01" + b"0" * 40: C + b"1\n"},
    ],
}


def check(folder: Path, lines: Lines) -> None:
    """Every text file at the head as git blames it; and what was added either died or stands."""
    paths = [path for path in git(folder, "ls-tree", "-r", "-z", "--name-only", "HEAD").split(b"\0") if path]
    for path in paths:
        assert lines.blame(path) == blame(folder, path), path
    balanced(lines)


def balanced(lines: Lines) -> None:
    history = lines.history
    batches, deaths, commits = history.batches, history.deaths, history.commits
    alive = [0] * len(batches.commit)
    for file in lines.standing.live.values():
        for owner in file.lines():
            alive[batches.root[owner]] += 1
    died = [0] * len(batches.commit)
    for batch, lost in zip(deaths.batch, deaths.lines, strict=True):
        died[batch] += lost
    for batch, root in enumerate(batches.root):
        assert root == batch or not died[batch]
        assert root != batch or batches.lines[batch] == died[batch] + alive[batch]
    assert sum(commits.added) == sum(commits.died) + sum(alive)
    rows = list(zip(deaths.commit, deaths.batch, strict=True))
    assert rows == sorted(set(rows))


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
@pytest.mark.parametrize("trap", TRAPS)
def test_every_line_at_the_head_belongs_to_the_commit_that_git_blames(
    tmp_path: Path, trap: str, kind: str
) -> None:
    made = Builder(tmp_path, kind)
    for tree in TRAPS[trap]:
        made.commit(tree)
    made.done()
    check(tmp_path, read(tmp_path))


def test_a_merge_brings_in_all_it_merged(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    base = made.commit({b"f": A, b"g": B})
    left = made.commit({b"f": A + b"left\n", b"g": B}, parents=[base])
    right = made.commit({b"f": b"right\n" + A, b"g": B, b"h": C}, parents=[base], branch="side")
    merge = made.commit({b"f": b"right\n" + A + b"left\n", b"g": B, b"h": C}, parents=[left, right])
    third = made.commit({b"f": A, b"g": B + b"third\n"}, parents=[base], branch="third")
    fourth = made.commit({b"i": D}, parents=[], branch="fourth")
    tree = {b"f": b"right\n" + A + b"left\n", b"g": B + b"third\n", b"h": C, b"i": D}
    octopus = made.commit(tree, parents=[merge, third, fourth])
    made.commit(tree, parents=[octopus])
    ids = made.done()
    lines = read(tmp_path)
    check(tmp_path, lines)
    assert lines.history.commits.sha == [
        ids[base - 1],
        ids[left - 1],
        ids[merge - 1],
        ids[octopus - 1],
        ids[-1],
    ]
    assert lines.blame(b"i") == [ids[octopus - 1]] * 12
    assert list(lines.history.commits.added) == [24, 1, 13, 13, 0]


def test_submodules_have_no_lines(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    made.commit({b"f": A, b"sub": ("160000", b"1" * 40)})
    made.commit({b"f": A, b"sub": ("160000", b"2" * 40)})
    made.commit({b"f": A, b"moved": ("160000", b"2" * 40)})
    made.commit({b"f": A, b"moved": B})
    ids = made.done()
    lines = read(tmp_path)
    assert lines.blame(b"moved") == [ids[3]] * 12
    assert list(lines.history.commits.added) == [12, 0, 0, 12]
    assert lines.history.files.kind == ["source", "submodule", "source"]
    balanced(lines)


def test_lines_that_were_respaced_did_not_die(tmp_path: Path) -> None:
    before = ["if x:", "  one()", "  two()", "", "  three()", "end"]
    after = ["with y:", "    if x:", "      one()", "      two()", " ", "      tree()", "end"]
    made = Builder(tmp_path)
    made.commit({b"f": text(*before)})
    made.commit({b"f": text(*after)})
    made.commit({b"f": text(*after[:2])})
    ids = made.done()
    lines = read(tmp_path)
    check(tmp_path, lines)
    commits, batches, deaths = lines.history.commits, lines.history.batches, lines.history.deaths
    assert list(commits.added) == [6, 2, 0]
    assert list(commits.respaced) == [0, 4, 0]
    assert list(commits.died) == [0, 1, 5]
    assert lines.blame(b"f") == [ids[1], ids[1]]
    assert list(zip(batches.commit, batches.lines, batches.root, strict=True)) == [
        (0, 6, 0),
        (1, 2, 1),
        (1, 4, 0),
    ]
    assert list(zip(deaths.batch, deaths.commit, deaths.lines, strict=True)) == [
        (0, 1, 1),
        (0, 2, 4),
        (1, 2, 1),
    ]


def test_respaced_again_and_again_is_still_the_first_batch(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    for blank in ("", " ", "\t", "  ", ""):
        made.commit({b"f": text(*(f"{blank}line {line}" for line in range(5)))})
    made.commit({})
    made.done()
    history = read(tmp_path).history
    assert list(history.commits.added) == [5, 0, 0, 0, 0, 0]
    assert list(history.commits.respaced) == [0, 5, 5, 5, 5, 0]
    assert list(history.batches.root) == [0] * 5
    assert list(zip(history.deaths.batch, history.deaths.commit, history.deaths.lines, strict=True)) == [
        (0, 5, 5)
    ]


def test_a_file_that_turns_binary_ends_and_begins_again(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    zero = b"\0" + A
    for content in (A, zero, zero + b"x", B, B + b"x\n", zero, A):
        made.commit({b"f": content})
    ids = made.done()
    lines = read(tmp_path)
    assert list(lines.history.commits.added) == [12, 0, 0, 12, 1, 0, 12]
    assert list(lines.history.commits.died) == [0, 12, 0, 0, 0, 13, 0]
    assert lines.blame(b"f") == [ids[-1]] * 12
    balanced(lines)


def test_a_binary_file_is_moved_and_copied_without_lines(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    zero = b"\0" + A
    made.commit({b"f": zero, b"t": B})
    made.commit({b"g": zero, b"h": zero, b"t": b"\0" + B})
    made.commit({b"g": zero, b"h": A, b"u": b"\0" + B})
    made.commit({b"h": A, b"u": b"\0" + B})
    ids = made.done()
    lines = read(tmp_path)
    assert lines.blame(b"h") == [ids[2]] * 12
    assert lines.blame(b"u") == []
    balanced(lines)


def test_excluded_files_are_not_read_unless_asked_for(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    made.commit({b"uv.lock": A, b"f.py": B, b"vendor/c": C})
    made.commit({b"uv.lock": A + b"x\n", b"f.py": B + b"x\n", b"vendor/c": C})
    made.commit({b"uv.lock": A + b"x\n", b"f.py": B + b"x\n", b"c": C})
    made.commit({b"uv.lock": A + b"x\n", b"vendor/f.py": B + b"x\n", b"c": C + b"y\n"})
    ids = made.done()
    lines = read(tmp_path)
    assert lines.history.files.kind == ["source", "lock", "vendored", "source", "vendored"]
    assert list(lines.history.commits.added) == [12, 1, 12, 1]
    assert list(lines.history.commits.died) == [0, 0, 0, 13]
    assert lines.blame(b"uv.lock") == []
    assert lines.blame(b"c") == [ids[2]] * 12 + [ids[3]]
    balanced(lines)
    all_lines = read(tmp_path, every=True)
    assert all_lines.history.files.kind == ["source", "lock", "vendored"]
    assert all_lines.history.commits.forward[:2] == lines.history.commits.forward[:2]
    check(tmp_path, all_lines)


def test_of_excluded_lines_only_their_owner_is_asked_for(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    made.commit({b"uv.lock": text("1", "2", "x" * 1001)})
    made.commit({b"uv.lock": text("1", " 2", "x" * 1001, "4", "5", "6")})
    made.commit({b"uv.lock": text("1", " 2", "6")})
    ids = made.done()
    lines = read(tmp_path, every=True, marks={ids[0]: {b"uv.lock": [(1, 1, 1)]}})
    check(tmp_path, lines)
    commits = lines.history.commits
    assert [list(column) for column in (commits.added, commits.died, commits.respaced)] == [
        [3, 4, 0],
        [0, 1, 3],
        [0] * 3,
    ]
    assert commits.forward == commits.before == [b""] * 3
    assert list(lines.history.batches.long) == list(lines.history.batches.mark) == [0, 0]


def test_marks_and_long_lines_are_batches_of_their_own(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    made.commit({b"f": text("1", "2", "x" * 1000, "y" * 1001, "5")})
    made.commit({b"f": text("0", "1", "2", "x" * 1000, " 5", "6", "7")})
    ids = made.done()
    marks = {ids[0]: {b"f": [(2, 3, 7)]}, ids[1]: {b"f": [(1, 1, 8), (6, 6, 9)], b"g": [(1, 9, 9)]}}
    lines = read(tmp_path, marks=marks)
    check(tmp_path, lines)
    batches = lines.history.batches
    assert list(zip(batches.commit, batches.lines, batches.root, batches.mark, batches.long, strict=True)) == [
        (0, 2, 0, 0, 0), (0, 1, 1, 0, 1), (0, 2, 2, 7, 0), (1, 1, 3, 0, 0), (1, 1, 4, 8, 0), (1, 1, 5, 9, 0),
        (1, 1, 0, 0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(("size", "long"), [(1000, 0), (1001, 1)])
@pytest.mark.parametrize("before", [0, 1, 999, 1000, 2500])
def test_a_line_is_long_from_its_length_alone(tmp_path: Path, size: int, long: int, before: int) -> None:
    made = Builder(tmp_path)
    made.commit({b"f": b"." * (before % 1000) + b"\n" + b".\n" * (before // 2) + b"x" * size + b"\n"})
    made.done()
    assert sum(read(tmp_path).history.batches.long) == long


def test_the_digests_find_what_undoes_what(tmp_path: Path) -> None:
    lock = {b"uv.lock": B}
    trees: list[Tree] = [
        {b"f": A},
        {b"f": A + b"one two\n", b"g": B},
        {b"f": A + b"onetwo\n", b"g": B} | lock,
        {b"f": b"above\n" + A + b"one two\n", b"g": B} | lock,
        {b"f": b"above\n" + A},
        {b"f": b"above\n" + A + b"onetwo\n", b"g": B},
        {b"h": b"above\n" + A + b"onetwo\n", b"g": B},
        {b"f": b"above\n" + A + b"onetwo\n", b"g": B},
    ]
    made = Builder(tmp_path)
    for tree in trees:
        made.commit(tree)
    made.done()
    commits = read(tmp_path).history.commits
    forward, backward, before, after = commits.forward, commits.backward, commits.before, commits.after
    assert forward[1] == backward[4] == forward[5] != b""
    assert backward[1] == forward[4]
    assert forward[2] == backward[2] == b""
    assert len({*forward[3:5], *backward[3:5]}) == 4
    assert after[7] == before[6] != before[7] == after[6]
    assert before[2] != b"" != after[2]
    assert all(len(digest) in (0, 8) for column in (forward, backward, before, after) for digest in column)


def test_of_several_copies_of_a_file_that_went_one_is_that_file(tmp_path: Path) -> None:
    """As ``git log -M`` has it; ``git blame`` looks at each copy alone and follows them all."""
    made = Builder(tmp_path)
    for tree in ({b"f": A}, {b"g": A, b"h": A}, {b"g": A, b"h": A + b"x\n"}):
        made.commit(tree)
    ids = made.done()
    lines = read(tmp_path)
    assert sorted(lines.blame(path)[0] for path in (b"g", b"h")) == sorted(ids[:2])
    assert [blame(tmp_path, path)[0] for path in (b"g", b"h")] == [ids[0]] * 2
    assert len(lines.history.files.path) == 2
    balanced(lines)


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    made.commit({b"f": A})
    made.done()
    with pytest.raises(NotFound, match="no such file"):
        read(tmp_path).blame(b"g")
