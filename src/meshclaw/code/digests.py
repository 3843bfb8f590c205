"""What a commit did, as digests by which another one that undid or repeated it is found."""

from __future__ import annotations

from hashlib import sha256

from meshclaw.code.stream import WHOLE, Change

SIZE = 8
SHORT = 2_000
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
        self._before: set[bytes] = set()
        self._after: set[bytes] = set()

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
            self._before.add(change.path + b"\0" + NOTHING)
            self._after.add(source + b"\0" + NOTHING)
        elif old == new:
            return
        self._before.add(source + b"\0" + old)
        self._after.add(change.path + b"\0" + new)

    def taken(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Forward, backward, before, after; and all is empty for the next commit."""
        parts = (self._forward, self._backward, self._before, self._after)
        found = tuple(sha256(b"\n".join(sorted(part))).digest()[:SIZE] if part else b"" for part in parts)
        for part in parts:
            part.clear()
        return found[0], found[1], found[2], found[3]


def _digest(lines: list[bytes]) -> bytes:
    """The lines themselves where they are few."""
    text = b"".join(lines)
    return text if len(text) < SHORT else sha256(text).digest()
