"""What git says became of the lines of many files, one difference after the other.

Contents are put in pairs into folders of ours, and git compares folder with folder: so the pairs and their order are
ours. git is told to begin a line of old content with a space and a line of new content with a tab: so neither can be
taken for the head of a hunk or of a file, and both signs go where white space is taken out.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Self

from meshclaw.code.chains import Chain, Step
from meshclaw.code.git import Repository
from meshclaw.errors import Damaged

MARK = b"\ndiff --git "
SYNC = MARK[1:] + b".\n"
"""git says again at once what names no object: this ends the difference before it."""
DIFFERENCES = (
    "diff-tree", "--stdin", "-r", "-p", "-U0", "--no-renames", "--full-index", "--no-prefix", "--no-color",
    "--no-ext-diff", "--no-textconv", "--no-relative", "--src-prefix=", "--dst-prefix=", "--diff-algorithm=myers",
    "--indent-heuristic", "--inter-hunk-context=0", "--output-indicator-old= ", "--output-indicator-new=\t",
)  # fmt: skip
NAME = b"%06d"
TEXT = b"--- "
SPACE = 0x20
TOGETHER = 500
"""Differences that git is asked for at once, or more where one file has more."""
AHEAD = 1_000
"""Differences that git is asked for when there are fewer than ``TOGETHER`` left."""
PIECE = 1 << 20
REST_S = 0.005
"""Time in which git fills a good part of the pipe."""
SET_PIPE_SIZE = 1031
"""``F_SETPIPE_SZ`` of Linux."""

Take = Callable[[Chain, Step, bytearray, int, int], None]
"""Gets what git says of a step: where its hunks begin, from ``12,3 +12,4 @@`` on, and where they end; the first is -1
where git sees no text. Each file's newest step comes first."""


def differences(
    repository: Repository, chains: Sequence[Chain], *, processes: int, take: Take, say: Callable[[int], None]
) -> None:
    """All steps of all chains, shared out among so many processes of git's. ``say`` gets how many steps are done.

    Raises ``Damaged`` where git cannot go on, or speaks of something else than it was asked for.
    """
    waiting = iter(sorted((chain for chain in chains if chain.steps), key=lambda chain: -len(chain.steps)))
    with ExitStack() as stack:
        running = [stack.enter_context(_Running(repository, waiting, take)) for _ in range(processes)]
        while working := [one.pipe for one in running if not one.ended]:
            ready = select.select(working, [], [])[0]
            size = sum(one.read() for one in running if one.pipe in ready)
            say(sum(one.done for one in running))
            if size < PIECE:  # who wakes up for each little that git writes does little else
                time.sleep(REST_S)


class _Running:
    """One process of git's. ``done``: how many steps it has told of; ``ended``: there are no more."""

    def __init__(self, repository: Repository, waiting: Iterator[Chain], take: Take) -> None:
        self.repository, self.waiting, self.take = repository, waiting, take
        self.done, self.ended = 0, False
        self._asked: deque[tuple[Chain, Step]] = deque()
        self._told = bytearray(2 * PIECE)
        self._start: int = 0
        self._filled: int = 0
        size = len(repository.head)
        self._head = len("000000 000000\nindex .. 100644\n") + 2 * size
        self._hunks = self._head + len("--- 000000\n+++ 000000\n@@ -")

    def __enter__(self) -> Self:
        self._said = tempfile.TemporaryFile()
        self.process = self.repository.start(*DIFFERENCES, given=subprocess.PIPE, said=self._said)
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError
        self._in, self.pipe = self.process.stdin, self.process.stdout
        with suppress(OSError):  # not every system can have it
            fcntl.fcntl(self.pipe, SET_PIPE_SIZE, PIECE)
        self._ask()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self._close()
        self.pipe.close()
        self.process.wait()
        self._said.close()

    def read(self) -> int:
        """Take in what has come, and say how many bytes it was."""
        self._make_room()
        with memoryview(self._told) as view, view[self._filled :] as room:
            size = os.readv(self.pipe.fileno(), [room])
        if not size:
            self._end()
            return 0
        at = max(self._start, self._filled - len(MARK))
        self._filled += size
        while (stop := self._told.find(MARK, at, self._filled)) >= 0:
            self._part(self._start, stop)
            self._start = at = stop + len(MARK)
        if len(self._asked) < TOGETHER and not self._in.closed:
            self._ask()
        return size

    def _make_room(self) -> None:
        """The same bytes again and again: the system takes its time to give new ones."""
        told, rest = self._told, self._filled - self._start
        told[:rest] = told[self._start : self._filled]
        self._start, self._filled = 0, rest
        if len(told) - rest < PIECE:
            told += bytes(len(told))

    def _part(self, start: int, stop: int) -> None:
        told = self._told
        # else it is the names of two folders, or what we said ourselves
        if stop - start < self._head or told[start + 6] != SPACE:
            return
        if not self._asked:
            raise Damaged("git tells of more differences than it was asked for")
        self.done += 1
        is_text = told.startswith(TEXT, start + self._head)
        self.take(*self._asked.popleft(), told, start + self._hunks if is_text else -1, stop)

    def _ask(self) -> None:
        """For more, in pairs of folders, until enough is asked for."""
        pairs: list[tuple[bytes, bytes]] = []
        while len(self._asked) < AHEAD and (chain := next(self.waiting, None)):
            self._asked.extend((chain, step) for step in reversed(chain.steps))
            pairs += [(step.old, step.new) for step in reversed(chain.steps)]
        try:
            for start in range(0, len(pairs), TOGETHER):
                named = [
                    (NAME % number, *pair) for number, pair in enumerate(pairs[start : start + TOGETHER])
                ]
                old, new = (
                    self.repository.tree([(row[0], row[side]) for row in named]).encode() for side in (1, 2)
                )
                self._in.write(b"%s %s\n%s" % (old, new, SYNC))
            self._in.flush()
        except BrokenPipeError:  # git has ended, and is asked why when its last words are read
            return
        if not pairs:
            self._close()

    def _close(self) -> None:
        with suppress(BrokenPipeError):
            self._in.close()

    def _end(self) -> None:
        self.ended = True
        if self.process.wait():
            self._said.seek(0)
            raise self.repository.failed("diff-tree", self._said.read())
        self._part(self._start, self._filled - 1)
        if self._asked:
            raise Damaged("git tells of fewer differences than it was asked for")
