"""What a commit did, as digests by which another one that undid or repeated it is found."""

from __future__ import annotations

from hashlib import blake2b, sha256

from meshclaw.code.stream import WHOLE, Change

SIZE = 8
SHORT = 500
NOTHING = b"0"
SAME = b"="


class Digests:
    """Of one commit at a time. ``minus`` and ``plus`` take the lines of one file, without white space.

    The lines of a whole file, new or deleted, need not be taken: the id of its content says more.
    """

    def __init__(self) -> None:
        self.minus: list[bytes] = []
        self.plus: list[bytes] = []
        self._forward: list[bytes] = []
        self._backward: list[bytes] = []
        self._before: list[bytes] = []
        self._after: list[bytes] = []

    def close(self, change: Change, *, counts: bool) -> None:
        """The file of ``change`` is done; it is left out unless it ``counts``."""
        if counts:
            self._add(change)
        self.minus.clear()
        self.plus.clear()

    def _add(self, change: Change) -> None:
        source = change.source or change.path
        self._contents(change, source)
        if change.binary or change.how in WHOLE:
            minus, plus = change.before, change.after
        else:
            minus, plus = _digest(self.minus), _digest(self.plus)
        if minus != plus or source != change.path:
            self._forward.append(b"\0".join((source, change.path, minus, plus)))
            self._backward.append(b"\0".join((change.path, source, plus, minus)))

    def _contents(self, change: Change, source: bytes) -> None:
        old = NOTHING if change.how == "new" else change.before or SAME
        new = NOTHING if change.how == "deleted" else change.after or SAME
        if source != change.path:
            self._before.append(change.path + b"\0" + NOTHING)
            self._after.append(source + b"\0" + NOTHING)
        elif old == new:
            return
        self._before.append(source + b"\0" + old)
        self._after.append(change.path + b"\0" + new)

    def taken(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Forward, backward, before, after; and all is empty for the next commit."""
        found = _sum(self._forward), _sum(self._backward), _sum(self._before), _sum(self._after)
        self._forward, self._backward, self._before, self._after = [], [], [], []
        return found


def _sum(parts: list[bytes]) -> bytes:
    """One digest, whatever the order."""
    if not parts:
        return b""
    parts.sort()
    return blake2b(b"\n".join(parts), digest_size=SIZE).digest()


def _digest(lines: list[bytes]) -> bytes:
    """The lines themselves where they are few."""
    text = b"".join(lines)
    return text if len(text) < SHORT else sha256(text).digest()
