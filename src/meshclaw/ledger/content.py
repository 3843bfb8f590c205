"""What events must not hold, kept by digest: sealed arguments and explanations.

It stays on this machine, and a row can be forgotten without breaking the chain.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshclaw.errors import Damaged, NotFound
from meshclaw.flow.units import canonical, sha256_hex
from meshclaw.ledger.file import File
from meshclaw.sqlite import telling

SCHEMA = "CREATE TABLE content (digest TEXT PRIMARY KEY, body BLOB NOT NULL);"


class ContentStore:
    """Of one ledger, as ``ledger.contents``."""

    def __init__(self, file: File) -> None:
        self._file = file

    def put(self, values: Iterable[object]) -> list[str]:
        """Digests of the canonical bytes, in order. On disk with the next events of this thread, all or none of it."""
        rows = [(sha256_hex(body), body) for body in map(canonical, values)]
        self._file.mine.rows.update(rows)
        return [digest for digest, _ in rows]

    def get(self, digest: str) -> bytes:
        """The canonical bytes, checked against their digest."""
        mine = self._file.mine
        if (body := mine.rows.get(digest)) is not None:
            return body
        with telling(self._file.path):
            query = "SELECT body FROM content WHERE digest = ?"
            row = mine.connection.execute(query, (digest,)).fetchone()
        if row is None:
            raise NotFound(f"the content {digest[:12]!r} was forgotten", fix="Its event stays as proof.")
        if not isinstance(row[0], bytes) or sha256_hex(row[0]) != digest:
            raise Damaged(
                f"the content {digest[:12]!r} was changed", fix="Nothing that needs it will be done."
            )
        return row[0]
