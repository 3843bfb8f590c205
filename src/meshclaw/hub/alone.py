"""One process at a time compacts a hub, or puts another store in its place."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from meshclaw.errors import Busy

LOCK = "compact.lock"


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Holds the place while the block lasts; Busy where another process does."""
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(
                "another process compacts or restores this hub", fix="Try again when it is done."
            ) from None
        yield
