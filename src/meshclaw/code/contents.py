"""Contents of files that the stream did not show, asked for one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from meshclaw.code import git
from meshclaw.code.git import Repository

PIECE = 1 << 20
FEW_BYTES = 8_000
"""git takes a file for binary that has a zero byte among so many first ones."""


def lines_at(repository: Repository, commit: str, path: bytes) -> int:
    """How many lines the text file at ``path`` has in ``commit``."""
    entry = repository.run("ls-tree", "-z", commit, "--", path.decode("utf-8", "surrogateescape"))
    return _lines(repository.run("cat-file", "blob", entry.split(b"\t", 1)[0].split(b" ")[2].decode()))


def texts(repository: Repository, paths: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Those of the paths that are text at the head, with the number of their lines."""
    wanted = set(paths)
    if not wanted:
        return
    entries = (
        entry.split(b"\t", 1) for entry in repository.run("ls-tree", "-r", "-z", "HEAD").split(b"\0") if entry
    )
    blobs = [(path, about.split(b" ")[2]) for about, path in entries if path in wanted]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(b"".join(blob + b"\n" for _, blob in blobs))
        given.seek(0)
        with repository.start("cat-file", "--batch", given=given, said=said) as process:
            for path, _ in blobs:
                lines = _one(process.stdout) if process.stdout else -1
                if lines >= 0:
                    yield path, lines


def _one(answers: IO[bytes]) -> int:
    """Lines of the next content; -1 where it is absent or git takes it for binary."""
    about = answers.readline().split(b" ")
    if len(about) != 3:
        return -1
    size = int(about[2])
    binary = size > git.LARGEST
    lines = 0
    last = b"\n"
    for start in range(0, size, PIECE):
        piece = answers.read(min(PIECE, size - start))
        binary = binary or (start == 0 and b"\0" in piece[:FEW_BYTES])
        lines += piece.count(b"\n")
        last = piece[-1:]
    answers.read(1)
    return -1 if binary else lines + (last != b"\n")


def _lines(content: bytes) -> int:
    return content.count(b"\n") + (bool(content) and not content.endswith(b"\n"))
