"""The npm package emulate: another Slack Web API, written by others, that ours is compared with.

``make packages`` installs it, at the version of ``emulate/package-lock.json``. It knows no Socket Mode and no limits.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.servers.aimock import NODE, free_port

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "build" / "emulate" / "node_modules" / "emulate" / "dist" / "index.js"
SEED = Path(__file__).parent / "emulate" / "seed.yaml"


@contextmanager
def emulate() -> Iterator[str]:
    """The address of its Web API."""
    port = free_port()
    process = subprocess.Popen(
        [str(NODE), str(PROGRAM), "start", "-s", "slack", "-p", str(port), "--seed", str(SEED)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}/api/"
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return
        time.sleep(0.05)
    raise TimeoutError("emulate did not start within 30 s")
