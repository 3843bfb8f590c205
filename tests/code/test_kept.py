"""A second reading begins where the first one ended, and comes to the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from meshclaw.code import kept, lifetimes
from meshclaw.code.git import Repository
from meshclaw.code.lifetimes import Lines, read
from tests.code import building
from tests.code.building import Builder, text
from tests.code.random_history import History
from tests.code.test_chains import TURNS, at, same

A, B = (text(*(f"{name} {line}" for line in range(12))) for name in "ab")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commits each reading read, where it read any."""
    sizes: list[int] = []
    listed = lifetimes.listed

    def counting(repository: Repository, commits: Sequence[str], *more: Any) -> Iterator[bytes]:
        sizes.append(len(commits))
        return listed(repository, commits, *more)

    monkeypatch.setattr(lifetimes, "listed", counting)
    return sizes


@pytest.mark.parametrize("seed", range(6))
def test_new_commits_alone_are_read_and_the_result_is_the_same(
    tmp_path: Path, asked: list[int], seed: int
) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    ids = History(seed, b"vendor").build(folder, commits=50).ids
    stops = sorted(random.Random(seed).sample(range(1, 51), 6))
    for stop in stops:
        lines = read(at(folder, ids[stop - 1]), keep=keep)
        same(lines, read(folder))
    assert asked[::2] == [stop - before for before, stop in zip([0, *stops], stops, strict=False)]
    before = len(asked)
    same(read(folder, keep=keep), lines)
    assert len(asked) == before


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("turn", TURNS)
def test_commit_by_commit_it_is_the_same(tmp_path: Path, turn: str, every: bool) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    made = Builder(folder)
    for tree in TURNS[turn]:
        made.commit(tree)
    for sha in made.done():
        same(read(at(folder, sha), keep=keep, every=every), read(folder, every=every))


def test_a_rewritten_history_is_noticed_and_read_anew(tmp_path: Path, asked: list[int]) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    made = Builder(folder)
    base = made.commit({b"f": A})
    old = made.commit({b"f": A + b"old\n"})
    made.commit({b"f": A + b"new\n"}, parents=[base])
    merge = made.commit({b"f": A + b"both\n"}, parents=[base, old])
    ids = made.done()
    for head in (ids[old - 1], ids[-2], ids[merge - 1], ids[base - 1]):
        before = asked[-1:]
        lines = read(at(folder, head), keep=keep)
        assert [caveat for caveat in lines.history.caveats if "rewritten" in caveat] or not before
        assert lines.history.commits.sha == read(folder).history.commits.sha
    assert asked[::2] == [2, 2, 2, 1]


def test_a_head_that_is_gone_is_a_rewritten_history(tmp_path: Path) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    made = Builder(folder)
    base = made.commit({b"f": A})
    made.commit({b"f": A + b"old\n"})
    ids = made.done()
    read(folder, keep=keep)
    at(folder, ids[base - 1])
    building.git(folder, "-c", "gc.reflogExpire=now", "repack", "-adq")
    building.git(folder, "reflog", "expire", "--expire=now", "--all")
    building.git(folder, "prune", "--expire=now")
    lines = read(folder, keep=keep)
    assert lines.history.commits.sha == ids[:1]
    assert ids[1][:12] in lines.history.caveats[0]


def kept_file(keep: Path) -> Path:
    [place] = keep.iterdir()
    return place


@pytest.mark.parametrize("harm", ["empty", "header", "cut", "turned"])
def test_a_damaged_file_is_thrown_away(tmp_path: Path, asked: list[int], harm: str) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    made = Builder(folder)
    made.commit({b"f": A})
    made.done()
    whole = read(folder, keep=keep)
    place = kept_file(keep)
    good = place.read_bytes()
    assert place.stat().st_mode & 0o077 == 0
    bad = {
        "empty": b"",
        "header": b"x" + good,
        "cut": good[:-1],
        "turned": good[:-1] + bytes([good[-1] ^ 1]),
    }[harm]
    place.write_bytes(bad)
    same(read(folder, keep=keep), whole)
    assert asked == [1, 1]
    assert place.read_bytes() == good


def test_other_rules_other_marks_and_other_questions_are_read_anew(
    tmp_path: Path, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    made = Builder(folder)
    made.commit({b"f": A})
    made.commit({b"f": A + B})
    ids = made.done()
    first, second = {b"f": [(1, 2, 1)]}, {b"f": [(13, 14, 1)]}

    def ask(head: str, **more: object) -> Lines:
        return read(at(folder, head), keep=keep, **more)  # pyright: ignore[reportArgumentType]

    ask(ids[0], marks={ids[0]: first})
    same(
        ask(ids[1], marks={ids[0]: first, ids[1]: second}),
        read(folder, marks={ids[0]: first, ids[1]: second}),
    )
    assert asked == [1, 1, 2]
    ask(ids[1], marks={ids[1]: second})
    ask(ids[1], every=True, marks={ids[1]: second})
    monkeypatch.setattr(lifetimes, "VERSION", 0)
    ask(ids[1], marks={ids[1]: second})
    assert asked[3:] == [2, 2, 2]


def test_contents_that_came_back_are_read(tmp_path: Path, asked: list[int]) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    made = Builder(folder)
    made.commit({b"f": A, b"g": B})
    made.commit({b"f": A + b"x\n", b"g": B})
    made.commit({b"f": A + b"x\n", b"g": B + b"x\n"})
    ids = made.done()
    pack = building.git(folder, "pack-objects", "--all", "--stdout")
    for path in (folder / ".git/objects/pack").iterdir():
        path.unlink()
    building.git(folder, "unpack-objects", given=pack)
    name = building.git(folder, "rev-parse", "HEAD:f").decode().strip()
    gone = folder / ".git/objects" / name[:2] / name[2:]
    gone.rename(tmp_path / "aside")
    read(at(folder, ids[1]), keep=keep)
    read(at(folder, ids[2]), keep=keep)
    assert asked == [2, 2, 1]
    (tmp_path / "aside").rename(gone)
    lines = read(folder, keep=keep)
    assert asked[3:] == [3]
    assert lines.blame(b"f") == [ids[0]] * 12 + [ids[1]]
    assert not lines.history.caveats


def test_who_stops_a_reading_keeps_what_was_kept(tmp_path: Path) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    ids = History(3).build(folder, commits=30).ids
    read(at(folder, ids[10]), keep=keep)
    good = kept_file(keep).read_bytes()

    def stop(done: int, _all: int) -> None:
        if done:
            raise KeyboardInterrupt

    at(folder, ids[-1])
    with pytest.raises(KeyboardInterrupt):
        read(folder, keep=keep, say=stop)
    assert kept_file(keep).read_bytes() == good
    same(read(folder, keep=keep), read(folder))


def test_nothing_is_left_beside_a_file_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, keep = tmp_path / "r", tmp_path / "keep"
    made = Builder(folder)
    made.commit({b"f": A})
    made.done()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        read(folder, keep=keep)
    assert list(keep.iterdir()) == []
