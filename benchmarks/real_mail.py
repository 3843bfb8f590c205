"""The 500 real mails that lie beside the project: hostile, read only, never copied into it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

FOLDER = Path(os.environ.get("MESHCLAW_REAL_MAIL") or Path(__file__).parents[2] / "shared" / "data" / "mail")


def files() -> list[Path]:
    """Every mail; ends the process with 2 where they are not there."""
    found = sorted(FOLDER.rglob("*.eml"))
    if not found:
        print(
            "The real mails are not there; set MESHCLAW_REAL_MAIL to a folder of .eml files.", file=sys.stderr
        )
        raise SystemExit(2)
    return found


def lay_out(target: Path) -> Path:
    """A new Maildir with a copy of each mail, as if all had just been delivered."""
    mails = files()
    for place in ("cur", "new", "tmp"):
        (target / place).mkdir(parents=True)
    for number, file in enumerate(mails):
        shutil.copyfile(file, target / "new" / f"{1_000_000_000 + number}.N{number}.bench")
    return target
