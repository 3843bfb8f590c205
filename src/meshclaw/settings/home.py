"""Where all state lives: one folder, moved by ``MESHCLAW_HOME``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from meshclaw.errors import UserError


def home() -> Path:
    """The state folder, made on first use, readable by its owner only."""
    path = Path(os.environ["MESHCLAW_HOME"]) if os.environ.get("MESHCLAW_HOME") else _default()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the state folder {str(path)!r} cannot be made ({error.strerror})",
            fix="Set MESHCLAW_HOME to a folder that you may write to.",
        ) from error
    return path


def _default() -> Path:
    """Where programs keep their data here: XDG, or the Library of a Mac."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "meshclaw"
    shared = os.environ.get("XDG_DATA_HOME", "")
    return (Path(shared) if Path(shared).is_absolute() else Path.home() / ".local" / "share") / "meshclaw"
