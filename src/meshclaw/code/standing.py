"""What stands at the head: the history so far and the owner of every line, which a further stretch goes on from."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import msgspec

from meshclaw.code.history import Batches, Commits, Deaths, Files
from meshclaw.code.ownership import Stretch, Tail, meant
from meshclaw.errors import Damaged


class Runs(msgspec.Struct, kw_only=True):
    """Owners of the lines of many files, in runs: so they are kept on disk."""

    batch: array[int] = msgspec.field(default_factory=lambda: array("I"))
    lines: array[int] = msgspec.field(default_factory=lambda: array("I"))


class File(msgspec.Struct, gc=False):
    """A file that stands. Its owners are a list, or a part of the runs that were read from disk."""

    file: int
    owners: list[int] | None = None
    dark: tuple[int, bytes] | None = None
    """As in ``ownership.Held``."""
    runs: Runs | None = None
    start: int = 0
    stop: int = 0

    def lines(self) -> list[int]:
        if self.owners is None:
            self.owners = []
            for run in range(self.start, self.stop if self.runs else 0):
                self.owners += [self.runs.batch[run]] * self.runs.lines[run] if self.runs else []
            self.runs = None
        return self.owners


class Standing(msgspec.Struct, kw_only=True):
    commits: Commits = msgspec.field(default_factory=Commits)
    files: Files = msgspec.field(default_factory=Files)
    batches: Batches = msgspec.field(default_factory=Batches)
    deaths: Deaths = msgspec.field(default_factory=Deaths)
    live: dict[bytes, File] = msgspec.field(default_factory=dict[bytes, File])
    """By path."""

    def reveal(self, file: File, lines_of: Callable[[str, bytes], int]) -> None:
        """What was not shown turned out to be text."""
        if file.dark is None:
            return
        batch, path = file.dark
        lines = lines_of(self.commits.sha[self.batches.commit[batch]], path)
        self.batches.lines[batch] = lines
        self.commits.added[self.batches.commit[batch]] += lines
        file.owners, file.dark = [batch] * lines, None


def compose(standing: Standing, stretch: Stretch, lines_of: Callable[[str, bytes], int]) -> None:
    """Take the stretch that follows on what stands into it."""
    if not standing.commits.sha and not stretch.bases:
        _adopt(standing, stretch)
        return
    joined = _Joined(standing, stretch, lines_of)
    joined.batches()
    joined.deaths()
    joined.live()


def _adopt(standing: Standing, stretch: Stretch) -> None:
    standing.commits, standing.files = stretch.commits, stretch.files
    standing.batches, standing.deaths = stretch.batches, stretch.deaths
    standing.batches.file, standing.batches.root = (
        array("L", stretch.batches.file),
        array("L", stretch.batches.root),
    )
    standing.deaths.batch = array("L", stretch.deaths.batch)
    standing.live = {path: File(held.file, held.owners, held.dark) for path, held in stretch.live.items()}


class _Joined:
    def __init__(self, standing: Standing, stretch: Stretch, lines_of: Callable[[str, bytes], int]) -> None:
        self.standing, self.stretch = standing, stretch
        missing = [path for path in stretch.bases if path not in standing.live]
        if missing:
            raise Damaged(f"a commit changes {missing[0]!r}, which is not there")
        self.before = [standing.live.pop(path) for path in stretch.bases]
        for base in stretch.shown:
            standing.reveal(self.before[base], lines_of)
        self.final: list[int] = []
        """Of each batch of the stretch its position among all."""
        self.first_file = len(standing.files.path)
        _extend(standing.commits, stretch.commits)
        _extend(standing.files, stretch.files)

    def was(self, value: int) -> int:
        """The owner that a symbol stands for."""
        base, line = meant(value)
        return self.before[base].lines()[line]

    def root(self, value: int) -> int:
        """Root among all, of a batch of the stretch or a symbol."""
        return self.final[value] if value >= 0 else self.standing.batches.root[self.was(value)]

    def batches(self) -> None:
        """One batch for all the batches whose symbols have the same root."""
        all_, new = self.standing.batches, self.stretch.batches
        known: dict[tuple[int, ...], int] = {}
        for own, symbol in enumerate(new.root):
            position, file = len(all_.commit), new.file[own]
            root = position if symbol == own else self.root(symbol)
            place = file + self.first_file if file >= 0 else self.before[~file].file
            key = new.commit[own], place, root, new.mark[own], new.long[own]
            if symbol < 0:
                position = known.setdefault(key, position)
            self.final.append(position)
            if position == len(all_.commit):
                _append(all_, key)
            all_.lines[position] += new.lines[own]

    def deaths(self) -> None:
        standing, new = self.standing, self.stretch.deaths
        died: dict[tuple[int, int], int] = {}
        for batch, commit, lines in zip(new.batch, new.commit, new.lines, strict=True):
            key = commit, self.root(batch)
            died[key] = died.get(key, 0) + lines
        for tail in self.stretch.ended:
            owners = self._tail(tail)
            standing.commits.died[tail.commit] += len(owners)
            for owner in owners:
                key = tail.commit, standing.batches.root[owner]
                died[key] = died.get(key, 0) + 1
        for (commit, root), lines in sorted(died.items()):
            standing.deaths.batch.append(root)
            standing.deaths.commit.append(commit)
            standing.deaths.lines.append(lines)

    def live(self) -> None:
        live, final = self.standing.live, self.final
        for path, held in self.stretch.live.items():
            file = held.file + self.first_file if held.file >= 0 else self.before[held.base].file
            owners = [final[owner] if owner >= 0 else self.was(owner) for owner in held.owners]
            dark = (final[held.dark[0]], held.dark[1]) if held.dark else None
            if held.tail >= 0:
                before = self.before[held.base]
                owners += before.lines()[held.tail :]
                dark = dark or before.dark
            live[path] = File(file, owners, dark)

    def _tail(self, tail: Tail) -> list[int]:
        return self.before[tail.base].lines()[tail.line :]


def _append(batches: Batches, key: tuple[int, int, int, int, int]) -> None:
    commit, file, root, mark, long = key
    batches.commit.append(commit)
    batches.file.append(file)
    batches.lines.append(0)
    batches.root.append(root)
    batches.mark.append(mark)
    batches.long.append(long)


def _extend(all_: Commits | Files, new: Commits | Files) -> None:
    for name in all_.__struct_fields__:
        getattr(all_, name).extend(getattr(new, name))
