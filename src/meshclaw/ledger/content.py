"""What events must not hold, kept by digest: sealed arguments and explanations.

It stays on this machine, and a row can be forgotten without breaking the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from meshclaw.errors import Damaged, NotFound
from meshclaw.flow.units import canonical, sha256_hex
from meshclaw.sqlite import connect, telling

SCHEMA = "CREATE TABLE content (digest TEXT PRIMARY KEY, body BLOB NOT NULL);"


class ContentStore:
    """``folder`` holds ``content.db``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "content.db"
        self._db = connect(self.path, SCHEMA)

    def put(self, values: Iterable[object]) -> list[str]:
        """Digests of the canonical bytes, in order; durable when this returns."""
        rows = [(sha256_hex(body), body) for body in map(canonical, values)]
        if rows:
            with telling(self.path):
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    self._db.executemany("INSERT OR IGNORE INTO content VALUES (?, ?)", rows)
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
        return [digest for digest, _ in rows]

    def get(self, digest: str) -> bytes:
        """The canonical bytes, checked against their digest."""
        with telling(self.path):
            row = self._db.execute("SELECT body FROM content WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise NotFound(f"the content {digest[:12]!r} was forgotten", fix="Its event stays as proof.")
        if not isinstance(row[0], bytes) or sha256_hex(row[0]) != digest:
            raise Damaged(
                f"the content {digest[:12]!r} was changed", fix="Nothing that needs it will be done."
            )
        return row[0]

    def close(self) -> None:
        self._db.close()
