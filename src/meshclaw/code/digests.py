"""What a commit did, as digests by which another one that undid or repeated it is found."""

from __future__ import annotations

from hashlib import blake2b

from meshclaw.code.history import Commits

SIZE = 8
SUM = (1 << 8 * SIZE) - 1
ODD = 0x9E3779B97F4A7C15
"""So that what a commit took away and what it brought do not change places unnoticed."""
NOTHING = b"0"


class Digests:
    """Sums over the files of each commit, which come in any order: of what it took away, and of what it brought."""

    def __init__(self) -> None:
        self._minus: dict[int, int] = {}
        self._plus: dict[int, int] = {}

    def add(self, commit: int, source: bytes, path: bytes, minus: bytes, plus: bytes) -> None:
        """Of one file: the lines themselves without white space, or, of a whole one, the id of its content."""
        if minus == plus and source == path:
            return
        self._minus[commit] = self._minus.get(commit, 0) + _number(source, minus)
        self._plus[commit] = self._plus.get(commit, 0) + _number(path, plus)

    def write(self, commits: Commits) -> None:
        for commit, minus in self._minus.items():
            plus = self._plus[commit]
            commits.forward[commit] = (minus * ODD + plus & SUM).to_bytes(SIZE)
            commits.backward[commit] = (plus * ODD + minus & SUM).to_bytes(SIZE)


def _number(path: bytes, text: bytes) -> int:
    return int.from_bytes(blake2b(path + b"\0" + text, digest_size=SIZE).digest())


class Contents:
    """Names and contents of the files that one commit touched, before and after."""

    def __init__(self) -> None:
        self.before: list[bytes] = []
        self.after: list[bytes] = []

    def add(self, source: bytes, path: bytes, old: bytes, new: bytes) -> None:
        if source != path:
            self.before.append(path + b"\0" + NOTHING)
            self.after.append(source + b"\0" + NOTHING)
        elif old == new:
            return
        self.before.append(source + b"\0" + old)
        self.after.append(path + b"\0" + new)

    def born(self, path: bytes, new: bytes) -> None:
        self.add(path, path, NOTHING, new)

    def ended(self, path: bytes, old: bytes) -> None:
        self.add(path, path, old, NOTHING)

    def taken(self) -> tuple[bytes, bytes]:
        """Before and after; and both are empty for the next commit."""
        found = _sum(self.before), _sum(self.after)
        self.before, self.after = [], []
        return found


def _sum(parts: list[bytes]) -> bytes:
    """One digest, whatever the order."""
    parts.sort()
    return blake2b(b"\n".join(parts), digest_size=SIZE).digest()
