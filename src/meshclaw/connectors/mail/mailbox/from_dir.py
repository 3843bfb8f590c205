"""Laying a folder of ``.eml`` files out as a new Maildir: the files themselves are never touched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from meshclaw.errors import UserError


def lay_out(source: Path, target: Path) -> dict[str, str]:
    """A Maildir at ``target`` with a copy of each file below ``source``; original names by ref."""
    if not source.is_dir():
        raise UserError(f"{str(source)!r} is not a folder", fix="Name a folder that holds .eml files.")
    files = sorted(path for path in source.rglob("*.eml") if path.is_file())
    if not files:
        raise UserError(f"{str(source)!r} holds no .eml file", fix="Name a folder that holds .eml files.")
    for part in ("tmp", "new", "cur"):
        (target / part).mkdir(parents=True)
    names: dict[str, str] = {}
    for number, file in enumerate(files):
        # The unique name of a Maildir file, with a number in the place of time and process.
        changed = file.stat().st_mtime
        ref = f"{int(changed)}.N{number:06}.laid-out"
        shutil.copyfile(file, target / "new" / ref)
        os.utime(target / "new" / ref, (changed, changed))  # a Maildir's time of arrival
        names[ref] = str(file.relative_to(source))
    return names
