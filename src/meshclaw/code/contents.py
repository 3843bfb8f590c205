"""Contents of files that the stream did not show, asked for one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from meshclaw.code.git import LARGEST, Repository

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
                content = _one(process.stdout) if process.stdout else b""
                if content and b"\0" not in content[:FEW_BYTES] and len(content) <= LARGEST:
                    yield path, _lines(content)


def _one(answers: IO[bytes]) -> bytes:
    about = answers.readline().split(b" ")
    return answers.read(int(about[2]) + 1)[:-1] if len(about) == 3 else b""


def _lines(content: bytes) -> int:
    return content.count(b"\n") + (bool(content) and not content.endswith(b"\n"))
