"""However a history is cut, in stretches or in time, and by however many processes it is read: the same result."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from meshclaw.code import lifetimes, stretches
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
    assert {path: (file.file, file.lines(), file.dark) for path, file in one.standing.live.items()} == {
        path: (file.file, file.lines(), file.dark) for path, file in other.standing.live.items()
    }


def cut(monkeypatch: pytest.MonkeyPatch, places: Sequence[int]) -> None:
    def spans(size: int, _processes: int) -> list[tuple[int, int]]:
        inner = sorted({place for place in places if 0 < place < size})
        return list(zip([0, *inner], [*inner, size], strict=True))

    monkeypatch.setattr(lifetimes, "spans", spans)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("trap", [*TRAPS, *TURNS])
def test_a_history_cut_at_every_commit_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str, every: bool
) -> None:
    made = Builder(tmp_path)
    for tree in (TRAPS | TURNS)[trap]:
        made.commit(tree)
    size = len(made.done())
    whole = read(tmp_path, every=every)
    balanced(whole)
    for places in (range(size), *((place,) for place in range(1, size))):
        cut(monkeypatch, places)
        same(read(tmp_path, every=every), whole)


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_cut_anywhere_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    made = History(seed, b"vendor").build(tmp_path, commits=60)
    draw = random.Random(seed)
    marks = {sha: {b"a/file 0": [(draw.randint(1, 9), draw.randint(5, 30), 3)]} for sha in made.ids}
    for every in (False, True):
        whole = read(tmp_path, every=every, marks=marks)
        for pieces in (1, 2, 5, 60):
            with monkeypatch.context() as patch:
                cut(patch, [draw.randint(0, 60) for _ in range(pieces)])
                parts = read(tmp_path, every=every, marks=marks)
            same(parts, whole)


def test_two_processes_read_what_one_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "FEWEST", 5)
    History(1).build(tmp_path, commits=40)
    assert len(stretches.spans(40, 2)) == 8
    same(read(tmp_path, processes=2), read(tmp_path))


def test_a_process_that_cannot_read_says_so_to_the_one_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "FEWEST", 2)
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


@pytest.mark.parametrize(
    ("size", "processes", "pieces"),
    [(0, 4, 0), (1, 4, 1), (999, 2, 1), (1000, 2, 2), (9999, 2, 8), (9999, 1, 1)],
)
def test_short_histories_are_not_cut(size: int, processes: int, pieces: int) -> None:
    found = stretches.spans(size, processes)
    assert len(found) == pieces
    assert [at for span in found for at in range(*span)] == list(range(size))
