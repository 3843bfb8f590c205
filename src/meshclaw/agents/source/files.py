"""The files of an agent in memory, bounded, with names that mean the same everywhere; and their digest."""

from __future__ import annotations

import re
from collections.abc import Mapping

from meshclaw.errors import UserError
from meshclaw.flow.units import digest_of, sha256_hex

MOST_FILES = 200
MOST_OF_ONE = 1 << 20
"""Bytes."""
MOST_IN_ALL = 4 << 20
DEEPEST = 6
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_. -]{0,98}[A-Za-z0-9_-])?")
_COMPILED = re.compile(r"__pycache__/|\.py[co]$|\.so$|\.dll$", re.IGNORECASE)

Files = Mapping[str, bytes]
"""By path with slashes."""


class Gathering:
    """Takes in one file after the other, and refuses what nobody should have to install. ``source`` names it all."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._folded: dict[str, str] = {}
        self._size = 0
        self.files: dict[str, bytes] = {}

    def check(self, path: str) -> None:
        """Whether anything may be called that, before it is read."""
        parts = path.split("/")
        if hidden := next((part for part in parts if part.startswith(".") and part not in (".", "..")), None):
            raise self.refused(path, f"{hidden!r} is hidden")
        if not all(map(_PART.fullmatch, parts)):
            raise self.refused(path, "a path has plain parts: letters, digits, and . _ - between them")
        if len(parts) > DEEPEST:
            raise self.refused(path, f"it lies deeper than {DEEPEST}")
        if _COMPILED.search(path):
            raise self.refused(path, "it is compiled, and nobody can read it")
        if len(self.files) >= MOST_FILES:
            raise self.refused(path, f"there are more than {MOST_FILES} files")

    def room(self) -> int:
        """Bytes that the next file may have."""
        return min(MOST_OF_ONE, MOST_IN_ALL - self._size)

    def add(self, path: str, data: bytes) -> None:
        self.check(path)
        if len(data) > MOST_OF_ONE:
            raise self.refused(path, f"it is larger than {MOST_OF_ONE:,} bytes")
        if len(data) > self.room():
            raise self.refused(path, f"all files together are larger than {MOST_IN_ALL:,} bytes")
        if (twin := self._folded.setdefault(path.lower(), path)) != path or path in self.files:
            raise self.refused(path, f"{twin!r} is there already, and some disks take the two for one")
        self._size += len(data)
        self.files[path] = data

    def refused(self, path: str, why: str) -> UserError:
        return UserError(
            f"{self._source}: {path!r} is not taken in: {why}", fix="Leave it out, or rename it."
        )


def manifest(files: Files) -> list[tuple[str, str]]:
    """Path and SHA-256 of each file, in order."""
    return [(path, sha256_hex(files[path])) for path in sorted(files)]


def digest(files: Files) -> str:
    """What an installed agent is pinned by."""
    return digest_of(manifest(files))
