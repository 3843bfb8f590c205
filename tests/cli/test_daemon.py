"""The daemon triages what comes, leaves the mailbox free in between, and does nothing while nothing comes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from meshclaw.flow.event.run import RunFinished
from meshclaw.ledger.ledger import Ledger
from tests.cli.conftest import Meshclaw
from tests.servers.dovecot import wait_until


@pytest.fixture
def daemon(meshclaw: Meshclaw, maildir: Path, home: Path) -> Iterator[subprocess.Popen[str]]:
    assert meshclaw("mail", "connect", f"maildir:{maildir}", "--me", "ada@example.com").code == 0
    command = [sys.executable, "-m", "meshclaw", "daemon", "run"]
    environment = {**os.environ, "MESHCLAW_HOME": str(home)}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL, env=environment
    ) as running:
        yield running
        running.kill()


def runs(home: Path) -> int:
    ledger = Ledger(home)
    count = sum(1 for _ in ledger.events(RunFinished))
    ledger.close()
    return count


def cpu_s(process: subprocess.Popen[str]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settled(home: Path) -> bool:
    """No run has begun or ended for two seconds, after at least one."""
    before = runs(home)
    time.sleep(2)
    return 0 < before == runs(home)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc for the CPU time")
def test_it_triages_what_comes_and_is_idle_in_between(
    daemon: subprocess.Popen[str], meshclaw: Meshclaw, maildir: Path, home: Path, letters: Path
) -> None:
    wait_until((maildir / ".Bulk").exists, "the first mails are filed", 30)
    wait_until(lambda: settled(home), "the daemon has come to rest", 30)
    before = runs(home), cpu_s(daemon)
    time.sleep(5)
    assert runs(home) == before[0]
    assert cpu_s(daemon) - before[1] < 0.1
    filed = {path.name for path in (maildir / ".Bulk").rglob("*.laid-out*")}
    letter = next(path for path in letters.iterdir() if b"Gadget Weekly" in path.read_bytes())
    fresh = maildir / "tmp" / "9.fresh.host"
    fresh.write_bytes(letter.read_bytes().replace(b"Gadget Weekly", b"Gadget Monthly"))
    shutil.move(fresh, maildir / "new" / fresh.name)
    wait_until(lambda: list((maildir / ".Bulk").rglob("*fresh*")), "the new mail is filed", 30)
    assert filed
    status = cast("dict[str, Any]", meshclaw("daemon", "status", "--json").json())
    assert (status["running"], status["pid"]) == (True, daemon.pid)
    ready = {"state": "ready", "words": ""}
    assert status["services"] == {f"mail maildir:{maildir}": ready, "clock": ready, "page": ready}
    second = meshclaw("daemon", "run")
    assert (second.code, "runs already" in second.err) == (1, True)


def test_it_leaves_the_mailbox_free_for_the_person(
    daemon: subprocess.Popen[str], meshclaw: Meshclaw, maildir: Path, home: Path
) -> None:
    wait_until(lambda: settled(home), "the daemon has come to rest", 30)
    run = meshclaw("run", "list", "--json").json()[-1]["run"]  # type: ignore[index]
    assert meshclaw("run", "undo", run, "--json").json()["failed"] == 0


def test_it_stops_when_it_is_told_to(daemon: subprocess.Popen[str], meshclaw: Meshclaw, home: Path) -> None:
    wait_until(lambda: settled(home), "the daemon has come to rest", 30)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(5) == 0
    said = meshclaw("daemon", "status")
    assert (said.code, "Not running" in said.out) == (1, True)
    assert meshclaw("ledger", "verify").code == 0
