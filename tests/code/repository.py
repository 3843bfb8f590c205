"""Repositories that tests build: raw objects, so that names, times and encodings can be anything."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

NOW = 1_750_000_000


class Repository:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str, given: bytes = b"") -> str:
        done = subprocess.run(
            ["git", "-C", str(self.path), *args], input=given, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def tree(self, files: Mapping[bytes, bytes]) -> str:
        """Flat names alone."""
        entries = b"".join(
            b"100644 blob "
            + self.git("hash-object", "-w", "--stdin", given=content).encode()
            + b"\t"
            + name
            + b"\0"
            for name, content in files.items()
        )
        return self.git("mktree", "-z", given=entries)

    def commit(
        self,
        message: bytes,
        *,
        parents: Sequence[str] = (),
        files: Mapping[bytes, bytes] | None = None,
        author: bytes = b"Dev One <dev@example.org>",
        at: int = NOW,
        committed: int | None = None,
        headers: bytes = b"",
    ) -> str:
        """A commit on no branch."""
        tree = self.tree(files or {})
        lines = [b"tree " + tree.encode(), *(b"parent " + parent.encode() for parent in parents)]
        lines.append(b"author " + author + b" %d +0000" % at)
        lines.append(b"committer Dev Two <dev2@example.org> %d +0000" % (committed or at))
        raw = b"\n".join(lines) + b"\n" + headers + b"\n" + message
        return self.git("hash-object", "-w", "-t", "commit", "--stdin", "--literally", given=raw)

    def main(self, sha: str) -> None:
        self.git("update-ref", "refs/heads/main", sha)
