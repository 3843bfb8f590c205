"""Which commit each line belongs to, followed through one stretch of the first-parent line.

A stretch may begin in the middle of a history, not knowing what stood before. A line that was there already is then a
*symbol*: which file, and which of its lines, when the stretch began. ``compose`` puts the truth in place of it later.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn

import msgspec

from meshclaw.code.digests import Digests
from meshclaw.code.history import Batches, Commits, Deaths, Files
from meshclaw.code.respacing import respaced
from meshclaw.code.stream import COMMIT, LINK, SUBMODULE, WHOLE, Change, change
from meshclaw.errors import Damaged

FEW = 40
"""Up to so many lines a loop counts faster than a ``Counter``, which takes its time to begin."""
LONGEST = 1_000
"""Bytes of a line that a hand may have written."""
HUNK = re.compile(rb"\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@[^\n]*")
WHITE = b" \t\r\f\v"
UNENDED = b"\n\\ No newline at end of file"
LINE_BITS = 32
NOTHING: Mapping[bytes, Sequence[tuple[int, int, int]]] = {}
MODES = {SUBMODULE: "submodule", LINK: "link"}

Marks = Mapping[str, Mapping[bytes, Sequence[tuple[int, int, int]]]]
"""By commit and path: first and last of its new lines, and what the caller says of them."""


def symbol(base: int, line: int) -> int:
    """Negative, so that it is no batch."""
    return ~(base << LINE_BITS | line)


def meant(value: int) -> tuple[int, int]:
    """Base and line of a symbol."""
    return ~value >> LINE_BITS, ~value & (1 << LINE_BITS) - 1


class Tail(msgspec.Struct, frozen=True, gc=False):
    """All lines of a file from one on, as they were when the stretch began; how many is not known in it."""

    commit: int
    base: int
    line: int


class Stretch(msgspec.Struct, kw_only=True):
    """What a run of commits did, in columns of its own; a file that was there before is ``~base``."""

    first: int
    """Position in the history of its first commit."""
    commits: Commits
    files: Files = msgspec.field(default_factory=Files)
    bases: list[bytes] = msgspec.field(default_factory=list[bytes])
    """Paths, when it began, of the files it touched."""
    batches: Batches = msgspec.field(
        default_factory=lambda: Batches(file=array("q"), root=array("q"))  # both may be symbols
    )
    deaths: Deaths = msgspec.field(default_factory=lambda: Deaths(batch=array("q")))
    """One row for each symbol; summed up for batches."""
    shown: set[int] = msgspec.field(default_factory=set[int])
    """Bases that are text: lines of them were shown."""
    ended: list[Tail] = msgspec.field(default_factory=list[Tail])
    live: dict[bytes, Held] = msgspec.field(default_factory=dict[bytes, "Held"])
    """By path at the end, the files it touched that are still there."""


class Held(msgspec.Struct, gc=False):
    """A file as it stands."""

    file: int
    owners: list[int] = msgspec.field(default_factory=list[int])
    """Of each line the batch, or a symbol."""
    base: int = -1
    tail: int = -1
    """From which line of the base on nothing has been touched yet; -1 where nothing is left of it."""
    dark: tuple[int, bytes] | None = None
    """Its content was not shown: the batch that its lines belong to if it has any, and its path then."""
    unread: bool = False
    """Neither shown nor asked for."""
    counts: bool = True
    """Of no excluded class. Of others that are read nobody asks what their lines say: only whose they are."""

    def reach(self, end: int) -> None:
        """Lines up to ``end`` by name."""
        missing = end - len(self.owners)
        self.owners += [symbol(self.base, line) for line in range(self.tail, self.tail + missing)]
        self.tail += missing


class Reader:
    """Follows the stream. ``lines_of`` says how many lines the text file at a commit and path has."""

    def __init__(
        self,
        commits: Commits,
        first: int,
        *,
        kind_of: Callable[[bytes], str],
        lines_of: Callable[[str, bytes], int],
        every: bool,
        marks: Marks,
    ) -> None:
        size = len(commits.sha)
        for column in (commits.added, commits.died, commits.respaced):
            column.frombytes(bytes(size * column.itemsize))
        for column in (commits.forward, commits.backward, commits.before, commits.after):
            column.extend([b""] * size)
        self.stretch = Stretch(first=first, commits=commits)
        self._kind_of = kind_of
        self._lines_of = lines_of
        self._every = every
        self._marks = marks
        self._position = -1
        self._index = first - 1
        self._seen: set[bytes] = set()
        self._died: dict[int, int] = {}
        self._digests = Digests()
        self._own: dict[tuple[int, int, int], int] = {}
        self._said: Sequence[tuple[int, int, int]] = ()

    def read(self, parts: Iterable[bytes]) -> Stretch:
        for part in parts:
            if part.startswith(COMMIT):
                self._close()
                self._open(part[1:].partition(b"\n")[0].decode())
            else:
                self._change(change(part))
        self._close()
        return self.stretch

    def _open(self, sha: str) -> None:
        commits, at = self.stretch.commits.sha, self._position + 1
        while at < len(commits) and commits[at] != sha:
            at += 1
        if at == len(commits):
            raise Damaged(f"git speaks of the commit {sha!r} and was not asked for it")
        self._position = at
        self._index = self.stretch.first + self._position

    def _close(self) -> None:
        at, commits, deaths = self._position, self.stretch.commits, self.stretch.deaths
        for batch, lines in sorted(self._died.items()):
            deaths.batch.append(batch)
            deaths.commit.append(self._index)
            deaths.lines.append(lines)
        self._died.clear()
        if at >= 0:
            commits.forward[at], commits.backward[at], commits.before[at], commits.after[at] = (
                self._digests.taken()
            )

    # -- files

    def _change(self, found: Change) -> None:
        held = self._place(found)
        self._own.clear()
        if held.unread or found.mode == SUBMODULE:
            found.hunks.clear()
        elif found.binary:
            self._darken(held, found)
        elif found.hunks:
            self._reveal(held)
            if held.tail >= 0:
                self.stretch.shown.add(held.base)
            self._said = (
                self._marks.get(self._sha(), NOTHING).get(found.path, ())
                if self._marks and held.counts
                else ()
            )
            (self._whole if found.how in WHOLE else self._hunks)(held, found)
        self._digests.close(found, counts=held.counts)
        if found.how == "deleted":
            self._kill(held)
            del self.stretch.live[found.path]

    def _place(self, found: Change) -> Held:
        live = self.stretch.live
        if found.how == "new":
            held = live[found.path] = self._born(found)
        elif found.how == "renamed":
            held = live[found.path] = self._moved(self._at(found.source), found)
            del live[found.source]
        else:
            held = self._at(found.path)
        return held

    def _at(self, path: bytes) -> Held:
        stretch = self.stretch
        held = stretch.live.get(path)
        if held is None:
            if path in self._seen:
                raise Damaged(f"commit {self._sha()} changes {path!r}, which is not there")
            self._seen.add(path)
            base = len(stretch.bases)
            stretch.bases.append(path)
            kind = self._kind_of(path)
            held = Held(~base, base=base, tail=0, counts=not kind, unread=bool(kind) and not self._every)
            stretch.live[path] = held
        return held

    def _born(self, found: Change) -> Held:
        files = self.stretch.files
        self._seen.add(found.path)
        kind = self._kind_of(found.path)
        files.path.append(found.path)
        files.born.append(self._index)
        files.kind.append(kind or MODES.get(found.mode, "source"))
        return Held(len(files.path) - 1, counts=not kind, unread=bool(kind) and not self._every)

    def _moved(self, held: Held, found: Change) -> Held:
        """The same file, unless it goes in or out of what is read: then it ends, or begins, here."""
        self._seen.add(found.path)
        kind = self._kind_of(found.path)
        held.counts = not kind
        if held.unread == (bool(kind) and not self._every):
            return held
        self._kill(held)
        new = self._born(found)
        if not new.unread:
            new.dark = (self._batch(new.file), found.path)
        return new

    def _kill(self, held: Held) -> None:
        """Every line of it ends."""
        self._end(held.owners)
        self.stretch.commits.died[self._position] += len(held.owners)
        if held.tail >= 0:
            self.stretch.ended.append(Tail(self._index, held.base, held.tail))
        held.owners, held.tail, held.dark = [], -1, None

    def _darken(self, held: Held, found: Change) -> None:
        if not held.dark or held.dark[0] < 0 or self.stretch.batches.commit[held.dark[0]] != self._index:
            self._kill(held)
            if found.how not in ("new", "deleted"):
                held.dark = (self._batch(held.file), found.path)

    def _reveal(self, held: Held) -> None:
        if held.dark is None:
            return
        (batch, path), batches = held.dark, self.stretch.batches
        commit = batches.commit[batch] - self.stretch.first
        lines = self._lines_of(self.stretch.commits.sha[commit], path)
        batches.lines[batch] = lines
        self.stretch.commits.added[commit] += lines
        held.owners, held.dark = [batch] * lines, None

    # -- lines

    def _whole(self, held: Held, found: Change) -> None:
        """All lines of a file come or go."""
        text = found.hunks[0]
        parsed = HUNK.match(text)
        if parsed is None:
            self._unknown(found)
        old, _, new = (1 if number is None else int(number) for number in parsed.groups())
        if old:
            if held.tail < 0 and len(held.owners) != old:
                self._lost(held, old, found)
            self._kill(held)
            return
        start = parsed.end()
        self.stretch.commits.added[self._position] += new
        if self._said or (held.counts and _has_long(text, start)):
            held.owners = self._apart(held.file, 0, text[start:], {})
        else:
            batch = self._plain(held.file)
            self.stretch.batches.lines[batch] += new
            held.owners = [batch] * new

    def _hunks(self, held: Held, found: Change) -> None:  # noqa: C901, PLR0912, PLR0915 - see below
        """The loop in which most of our own time goes: what is rare is called, the rest stands here."""
        owners, plain, usual = held.owners, -1, 0
        minus, plus = self._digests.minus, self._digests.plus
        roots, died = self.stretch.batches.root, self._died
        came = went = same = 0
        counts = held.counts
        for text in found.hunks:
            parsed = HUNK.match(text)
            if parsed is None:
                self._unknown(found)
            old, new, fresh = parsed.groups()
            old_n, new_n = 1 if old is None else int(old), 1 if fresh is None else int(fresh)
            at = int(new) - 1 if new_n else int(new)
            end = at + old_n
            if end > len(owners):
                self._reach(held, end, found)
            went += old_n
            came += new_n
            start = parsed.end()
            pairs: Sequence[tuple[int, int]] = ()
            if not new_n:
                if counts:
                    minus.append(text[start:].translate(None, WHITE))
                self._end(owners[at:end])
                del owners[at:end]
                continue
            if not counts:
                start = len(text)
            elif not old_n:
                plus.append(text[start:].translate(None, WHITE))
            else:
                cut = text.find(b"\n\t", start)
                if len(text) < LONGEST * (old_n + new_n):
                    pairs = self._both(text[start:cut], text[cut:])
                start = cut
            if pairs or self._said or (len(text) - start > LONGEST and _has_long(text, start)):
                ended, before = _split(owners[at:end], pairs)
                self._end(ended)
                owners[at:end] = self._apart(held.file, at, text[start:], before)
                same += len(pairs)
                continue
            if plain < 0:
                plain = self._plain(held.file)
            usual += new_n
            if old_n == new_n == 1:
                owner = owners[at]
                root = roots[owner] if owner >= 0 else owner
                died[root] = died.get(root, 0) + 1
                owners[at] = plain
            else:
                if old_n:
                    self._end(owners[at:end])
                owners[at:end] = [plain] * new_n
        if usual:
            self.stretch.batches.lines[plain] += usual
        commits, position = self.stretch.commits, self._position
        commits.added[position] += came - same
        commits.died[position] += went - same
        commits.respaced[position] += same

    def _both(self, old: bytes, new: bytes) -> Sequence[tuple[int, int]]:
        """Pairs of an old and a new line that differ in white space alone."""
        minus = old.removesuffix(UNENDED).translate(None, WHITE)
        plus = new.removesuffix(UNENDED).translate(None, WHITE)
        if minus == plus:
            return [(line, line) for line in range(minus.count(b"\n"))]
        self._digests.minus.append(minus)
        self._digests.plus.append(plus)
        gone, come = minus.split(b"\n"), plus.split(b"\n")
        if len(gone) == len(come) == 2:  # an empty string comes before the first line break
            return ()
        return respaced(gone[1:], come[1:])

    def _reach(self, held: Held, end: int, found: Change) -> None:
        if held.tail < 0:
            self._lost(held, end, found)
        held.reach(end)

    def _unknown(self, found: Change) -> NoReturn:
        raise Damaged(f"commit {self._sha()}: git describes a change of {found.path!r} in an unknown way")

    def _lost(self, held: Held, line: int, found: Change) -> NoReturn:
        raise Damaged(
            f"commit {self._sha()} changes line {line} of {found.path!r}, which has {len(held.owners)} lines"
        )

    def _end(self, owners: list[int]) -> None:
        died, roots = self._died, self.stretch.batches.root
        if len(owners) > FEW:
            for owner, lines in Counter(owners).items():
                root = roots[owner] if owner >= 0 else owner
                died[root] = died.get(root, 0) + lines
            return
        for owner in owners:
            root = roots[owner] if owner >= 0 else owner
            died[root] = died.get(root, 0) + 1

    def _plain(self, file: int) -> int:
        """The batch of lines of which there is nothing to say."""
        batch = self._own.get((-1, 0, 0), -1)
        return batch if batch >= 0 else self._batch(file)

    def _apart(self, file: int, at: int, text: bytes, before: Mapping[int, int]) -> list[int]:
        """Owners line by line: not all of these lines belong to one batch. ``before``: who owned respaced ones."""
        batches, own, roots = self.stretch.batches, self._own, self.stretch.batches.root
        owners: list[int] = []
        for position, line in enumerate(text.removesuffix(UNENDED).split(b"\n")[1:]):
            root = -1
            if position in before:
                root = before[position]
                root = roots[root] if root >= 0 else root
                root -= root < 0
            mark = self._mark(at + 1 + position) if self._said else 0
            key = (root, mark, len(line) > LONGEST + 1)
            batch = own.get(key, -1)
            if batch < 0:
                batch = self._batch(file, *key)
            batches.lines[batch] += 1
            owners.append(batch)
        return owners

    def _mark(self, line: int) -> int:
        return next((mark for first, last, mark in self._said if first <= line <= last), 0)

    def _batch(self, file: int, root: int = -1, mark: int = 0, long: int = 0) -> int:
        """A new one; ``root``: a batch, -1 for itself, or one less than a symbol."""
        batches = self.stretch.batches
        batch = self._own[root, mark, long] = len(batches.commit)
        batches.commit.append(self._index)
        batches.file.append(file)
        batches.lines.append(0)
        batches.root.append(batch if root == -1 else root if root >= 0 else root + 1)
        batches.mark.append(mark)
        batches.long.append(long)
        return batch

    def _sha(self) -> str:
        return self.stretch.commits.sha[self._position] if self._position >= 0 else "?"


def _split(owners: list[int], pairs: Sequence[tuple[int, int]]) -> tuple[list[int], dict[int, int]]:
    """Those whose lines ended, and by new line those whose line was respaced."""
    if not pairs:
        return owners, {}
    kept = {i for i, _ in pairs}
    return [owner for i, owner in enumerate(owners) if i not in kept], {j: owners[i] for i, j in pairs}


def _has_long(text: bytes, at: int) -> bool:
    """In steps from the last line break within reach to the next, so that most bytes are not looked at."""
    size = len(text)
    while size - at > LONGEST + 2:
        at = text.rfind(b"\n", at + 1, at + LONGEST + 3)
        if at < 0:
            return True
    return False
