"""Repositories under a folder."""

from __future__ import annotations

import os
from pathlib import Path


def under(folder: Path) -> list[Path]:
    """By their paths. Nothing inside a repository is one of its own, links are not followed, what may not be read is
    passed over."""
    found: list[Path] = []
    for at, folders, files in os.walk(folder):
        if ".git" in folders or ".git" in files or _is_bare(folders, files):
            found.append(Path(at))
            folders.clear()
    return sorted(found)


def _is_bare(folders: list[str], files: list[str]) -> bool:
    return "HEAD" in files and {"objects", "refs"} <= set(folders)
