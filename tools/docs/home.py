"""The picture of the local page for the docs: the real page on the demo's mailbox, in Debian's Chromium.

``python tools/docs/home.py`` takes docs/home.png; it needs requirements/dev.txt and the Debian package chromium.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.home.stage import ASKED, drafts_and_sends, says, served, settle, triage, until  # noqa: E402
from tests.servers.chromium import chromium  # noqa: E402

WIDTH, HEIGHT, MOST_BYTES = 1200, 860, 300_000
PICTURE = ROOT / "docs" / "home.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        home = Path(folder) / "home"
        home.mkdir()
        os.environ["MESHCLAW_HOME"] = str(home)
        settle(home)
        triage(home)
        says(patch, *drafts_and_sends())
        with served(home) as browser, chromium() as program:
            browser.sign_in()
            browser.submit("/memory", "/memory", words="Kim prefers mail before ten")
            run = browser.post("/ask", words=ASKED).headers["location"]
            until(lambda: "Answer" in browser.get(run).words)
            page = program.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(f"http://127.0.0.1:{browser.port}/?token={browser.token}")
            page.wait_for_url(f"http://127.0.0.1:{browser.port}/")
            page.screenshot(path=PICTURE)
    size = PICTURE.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{PICTURE} has {size:,} bytes")
    sys.stdout.write(f"{PICTURE}: {size:,} bytes\n")


if __name__ == "__main__":
    main()
