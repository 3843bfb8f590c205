"""Contents of files that no difference showed whole: those that a file began with, and those beside binary ones."""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import IO, NoReturn

from meshclaw.code import git
from meshclaw.code.chains import Chain, Marks
from meshclaw.code.git import Repository
from meshclaw.code.ownership import LONGEST, NOTHING, has_long, said_of
from meshclaw.code.stream import PIECE, SET_PIPE_SIZE

FEW_BYTES = 8_000
"""git takes a file for binary that has a zero byte among so many first ones."""
NO_TEXT = -1


def first(
    repository: Repository,
    chains: Sequence[Chain],
    commits: Sequence[str],
    *,
    absent: AbstractSet[str],
    marks: Marks,
) -> None:
    """Tell every chain how many lines it began with, and what is to be said of each; ``absent`` ones are no text.

    Raises ``Unreadable`` for the first content that is not there.
    """
    asked = [chain for chain in chains if chain.first and chain.first.decode() not in absent]
    with tempfile.TemporaryFile() as given:
        given.write(b"".join(chain.first + b"\n" for chain in asked))
        given.seek(0)
        with _answering(repository, "--buffer", given=given) as answers:
            for chain in asked:
                content = answers.next()
                if content is None:
                    continue
                chain.lines = lines(content)
                there = marks.get(commits[chain.begun], NOTHING).get(chain.path, ()) if marks else ()
                if chain.counts and (there or (len(content) > LONGEST and has_long(content, -1, LONGEST))):
                    chain.apart = said_of(content.removesuffix(b"\n").split(b"\n"), 1, there, LONGEST)


class Answers:
    """What ``git cat-file`` says of one content after the other."""

    def __init__(self, repository: Repository, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self.absent: AbstractSet[str] = frozenset()
        if process.stdout is None:
            raise AssertionError
        self._repository, self._process, self._told, self._said = repository, process, process.stdout, said
        with suppress(OSError):  # not every system can have it
            fcntl.fcntl(process.stdout, SET_PIPE_SIZE, PIECE)

    def lines_of(self, blob: bytes) -> int:
        """Asks for one more; ``NO_TEXT`` for what git takes for binary."""
        if blob.decode() in self.absent:
            return NO_TEXT
        asked = self._process.stdin
        if asked is None:
            raise AssertionError
        with suppress(BrokenPipeError):
            asked.write(blob + b"\n")
            asked.flush()
        content = self.next()
        return NO_TEXT if content is None else lines(content)

    def next(self) -> bytes | None:
        """``None`` for one that is no text. Raises ``Unreadable`` for one that is not there or is corrupt."""
        about = self._told.readline().split()
        if len(about) != 3:
            self._fail(b" ".join(about))
        size = left = int(about[2]) + 1
        content = None
        if size <= git.LARGEST + 1:
            content = self._told.read(size)
            left -= len(content)
            content = None if content.find(b"\0", 0, FEW_BYTES) >= 0 else content[:-1]
        while left and (piece := self._told.read(min(left, PIECE))):
            left -= len(piece)
        if left:
            self._fail(about[0])
        return content

    def _fail(self, words: bytes) -> NoReturn:
        self._process.kill() if self._process.stdin else self._process.wait()
        self._said.seek(0)
        raise self._repository.failed("cat-file", words + b" " + self._said.read())


@contextmanager
def _answering(repository: Repository, *more: str, given: IO[bytes] | int) -> Generator[Answers]:
    with (
        tempfile.TemporaryFile() as said,
        repository.start("cat-file", "--batch", *more, given=given, said=said) as process,
    ):
        yield Answers(repository, process, said)


@contextmanager
def asking(repository: Repository, absent: AbstractSet[str]) -> Generator[Answers]:
    """To be asked for contents one by one; ``absent`` ones are no text."""
    with _answering(repository, given=subprocess.PIPE) as answers:
        answers.absent = absent
        yield answers


def lines(content: bytes) -> int:
    return content.count(b"\n") + (bool(content) and not content.endswith(b"\n"))
