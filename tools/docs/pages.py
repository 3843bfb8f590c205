"""Pictures of pages for the docs: what real commands write, in Debian's Chromium.

``python tools/docs/pages.py`` takes docs/usage.png on generated records; it needs requirements/dev.txt, and the
generator of transcript trees beside the checkout. ``python tools/docs/pages.py REPOSITORY`` takes docs/code.png.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from meshclaw.testing import codex_tree  # noqa: E402
from tests.servers.chromium import chromium, opened  # noqa: E402
from tests.usage.trees import GENERATOR  # noqa: E402

WIDTH, MOST_BYTES = 1000, 300_000


def main(repository: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        if repository:
            code(Path(folder), repository)
        else:
            usage(Path(folder))


def usage(home: Path) -> None:
    tree = [str(GENERATOR), str(home / ".claude"), "--mib", "100", "--seed", "11", "--projects", "12"]
    subprocess.run([sys.executable, *tree, "--days", "50"], check=True, stdout=subprocess.DEVNULL)
    codex_tree.make(home / ".codex", seed=7, sessions=170)
    meshclaw(home, "usage", "show", "--root", str(home), "--html", str(home / "usage.html"))
    take(home / "usage.html", ROOT / "docs" / "usage.png", last="models")


def code(home: Path, repository: str) -> None:
    meshclaw(home, "code", "report", repository, "--html", str(home / "code.html"))
    take(home / "code.html", ROOT / "docs" / "code.png", last="standing")


def meshclaw(home: Path, *words: str) -> None:
    environment = {**os.environ, "MESHCLAW_HOME": str(home / "claw"), "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-m", "meshclaw", *words], check=True, env=environment)


def take(page: Path, picture: Path, *, last: str) -> None:
    """From the top to the end of the section ``last``."""
    with chromium() as browser, opened(browser, page, width=WIDTH) as (shown, wrong):
        if wrong:
            raise SystemExit(f"{page.name}: {wrong}")
        box = shown.evaluate(f"document.querySelector('#{last}').closest('section').getBoundingClientRect()")
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": box["bottom"] + 16}
        shown.screenshot(path=picture, full_page=True, clip=clip)
    if picture.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{picture} has {picture.stat().st_size:,} bytes")
    sys.stdout.write(f"{picture}: {picture.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
