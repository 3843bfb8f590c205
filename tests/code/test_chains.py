"""In however many parts, and by however many processes a history is read: the same result."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from meshclaw.code import chains, stream
from meshclaw.code.lifetimes import Lines, read
from tests.code import building
from tests.code.building import Builder, Tree, text
from tests.code.random_history import History
from tests.code.test_lifetimes import TRAPS, A, B, balanced

ZERO = b"\0" + A
TURNS: dict[str, list[Tree]] = {
    "in and out of view": [
        {b"f": A, b"g": B, b"h": A[6:]},
        {b"f": ZERO, b"g": B, b"h": A[6:]},
        {b"f": A, b"g": ZERO, b"h": A[6:]},
        {b"f": A, b"g": ZERO + b"x"},
        {b"f": b"x\n" + A, b"vendor/g": ZERO + b"x"},
        {b"f2": b"x\n" + A, b"g": ZERO + b"x"},
        {b"f2": ZERO, b"g": B, b"vendor/h": B},
        {b"f2": b"x\n" + A, b"vendor/g": B, b"h": B},
        {b"f2": A, b"vendor/g": B, b"h": B + b"x\n"},
        {b"vendor/g": ZERO, b"h": B + b"x\n"},
        {b"g": A, b"h": B + b"x\n", b"vendor/i": b"i\n" * 5},
        {b"i": b"i\n" * 5},
    ],
    "respaced": [
        {b"f": text(*(" " * (turn * line % 4) + f"line {line}" for line in range(turn, 20)))} for turn in range(9)
    ],
    "submodule and link": [
        {b"s": ("160000", b"1" * 40), b"vendor/l": ("120000", b"x")},
        {b"s": ("160000", b"2" * 40), b"vendor/l": ("120000", b"y")},
        {b"t": ("160000", b"2" * 40), b"l": ("120000", b"y")},
        {b"t": A, b"l": ("120000", b"z"), b"s": ("160000", b"2" * 40)},
        {b"t": ("160000", b"3" * 40), b"l": B},
        {},
    ],
}  # fmt: skip


def same(one: Lines, other: Lines) -> None:
    assert one.history == other.history
    assert {path: (file.file, file.lines()) for path, file in one.standing.live.items()} == {
        path: (file.file, file.lines()) for path, file in other.standing.live.items()
    }


def at(folder: Path, sha: str) -> Path:
    building.git(folder, "update-ref", "refs/heads/main", sha)
    return folder


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("trap", [*TRAPS, *TURNS])
def test_a_history_read_in_two_parts_is_the_same(tmp_path: Path, trap: str, every: bool) -> None:
    folder = tmp_path / "r"
    made = Builder(folder)
    for tree in (TRAPS | TURNS)[trap]:
        made.commit(tree)
    ids = made.done()
    whole = read(folder, every=every)
    balanced(whole)
    for number, sha in enumerate(ids[:-1]):
        keep = tmp_path / f"keep {number}"
        read(at(folder, sha), every=every, keep=keep)
        same(read(at(folder, ids[-1]), every=every, keep=keep), whole)


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_read_in_parts_are_the_same(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "r"
    made = History(seed, b"vendor").build(folder, commits=60)
    draw = random.Random(seed)
    marks = {sha: {b"a/file 0": [(draw.randint(1, 9), draw.randint(5, 30), 3)]} for sha in made.ids}
    for every in (False, True):
        whole = read(at(folder, made.ids[-1]), every=every, marks=marks)
        for pieces in (1, 5):
            keep = tmp_path / f"keep {pieces} {every}"
            for place in sorted(draw.sample(range(59), pieces)):
                parts = read(at(folder, made.ids[place]), every=every, marks=marks, keep=keep)
            parts = read(at(folder, made.ids[-1]), every=every, marks=marks, keep=keep)
            same(parts, whole)


@pytest.mark.parametrize("processes", [2, 3, 7])
def test_several_processes_read_what_one_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    History(1).build(tmp_path, commits=40)
    whole = read(tmp_path)
    said: list[tuple[int, int]] = []
    monkeypatch.setattr(chains, "FEWEST", 5)
    monkeypatch.setattr(stream, "TOGETHER", 3)
    monkeypatch.setattr(stream, "AHEAD", 4)
    same(read(tmp_path, processes=processes, say=lambda done, all_: said.append((done, all_))), whole)
    assert said == sorted(said)
    assert said[-1][0] == said[-1][1] > 0


@pytest.mark.parametrize("piece", [1, 2, 13, 100])
def test_it_does_not_matter_in_what_pieces_git_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    made = Builder(tmp_path)
    for tree in (
        *TRAPS["looks like git's words"],
        *TRAPS["no last newline"],
        *TURNS["in and out of view"][:3],
    ):
        made.commit(tree)
    made.done()
    whole = read(tmp_path, every=True)
    monkeypatch.setattr(stream, "PIECE", piece)
    monkeypatch.setattr(stream, "REST_S", 0)
    same(read(tmp_path, every=True), whole)


def test_a_process_that_cannot_read_says_so_to_the_one_that_waits(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    for number in range(8):
        made.commit({b"f": A + b"%d\n" % number, b"g": B})
    ids = made.done()
    name = building.git(tmp_path, "rev-parse", f"{ids[5]}:f").decode().strip()
    building.git(
        tmp_path, "unpack-objects", given=building.git(tmp_path, "pack-objects", "--all", "--stdout")
    )
    for pack in (tmp_path / ".git/objects/pack").iterdir():
        pack.unlink()
    objects = tmp_path / ".git/objects"
    (objects / name[:2] / name[2:]).unlink(missing_ok=True)
    lines = read(tmp_path, processes=2)
    assert [name in caveat for caveat in lines.history.caveats] == [True]
    same(lines, read(tmp_path))
    assert lines.blame(b"g") == [ids[0]] * 12
