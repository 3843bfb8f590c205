"""Files that bind the person and the claw: nobody but root may be able to write them."""

from __future__ import annotations

import stat
from pathlib import Path

from meshclaw.errors import Damaged

ROOT = 0


def refuse_unless_owned_by_root(path: Path) -> None:
    """Damaged where ``path`` is there and somebody else than root could have written or replaced it."""
    for place in (path.parent, path):
        try:
            found = place.stat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise Damaged(
                f"{str(place)!r} cannot be looked at ({error.strerror}), so nothing runs"
            ) from error
        if found.st_uid != ROOT or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Damaged(
                f"{str(place)!r} can be changed by others than root, so it binds nobody and nothing runs",
                fix=f"As root: chown root {place} && chmod go-w {place}",
            )
