"""meshclaw schedule, watch and standing, as a person uses them; and a daemon that keeps the time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshclaw.flow.event.schedule import ScheduleDisabled, ScheduleEnabled, WatchFired
from meshclaw.ledger.ledger import Ledger
from tests.agents.folders import AGENT, files
from tests.cli.conftest import Meshclaw
from tests.cli.test_daemon import cpu_s
from tests.servers.dovecot import wait_until


@pytest.fixture(autouse=True)
def berlin(home: Path) -> None:
    (home / "times.toml").write_text('zone = "Europe/Berlin"\nquiet = "20:00-07:00"\n')


def test_a_schedule_of_ones_own_from_its_preview_to_its_end(meshclaw: Meshclaw, home: Path) -> None:
    words = ("schedule", "add", "--cron", "30 6 * * mon-fri", "What", "is", "new?")
    assert meshclaw(*words, "--dry-run", "--json").json()["added"] is False
    assert meshclaw("schedule", "list", "--json").json()["schedules"][0]["name"] == "dream"
    added = meshclaw(*words)
    assert (added.code, "s1" in added.err, "waits for the end of quiet hours" in added.out) == (0, True, True)
    listed = meshclaw("schedule", "list", "--json").json()
    [mine] = [one for one in listed["schedules"] if one["agent"] == "claw"]
    assert (listed["zone"], mine["state"], mine["words"]) == ("Europe/Berlin", "on", "What is new?")
    assert len(meshclaw("schedule", "next", "s1", "-n", "3", "--json").json()["next"]["s1"]) == 3
    assert meshclaw("schedule", "disable", "s1").code == 0
    assert meshclaw("schedule", "disable", "s1").code == 2
    assert meshclaw("schedule", "enable", "s1", "--yes").code == 0
    assert meshclaw("schedule", "remove", "s1").code == 0
    ledger = Ledger(home)
    assert sum(1 for _ in ledger.events(ScheduleEnabled)) == 2
    assert [one.why for one in ledger.events(ScheduleDisabled)] == ["person", "person"]
    assert "new?" not in str(list(ledger.events()))
    ledger.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--cron", "* * * * *", "x"), "more often"), (("--cron", "0 7 * *", "x"), "fields"), (("x",), "one of cron"),
        (("--at", "2001-01-01T09:00", "x"), "never due"), (("--every", "1m", "x"), "more often"),
        (("--cron", "0 0 30 2 *", "x"), "never due"), (("--every", "1d", "--agent", "nobody", "x"), "no agent"),
        (("--every", "1d", "--name", "Dream!", "x"), "no name"),
        (("--every", "1d", "--name", "dream", "x"), "built in"),
        (("--every", "1d", "--account", "nowhere", "x"), "not connected"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told(meshclaw: Meshclaw, words: tuple[str, ...], told: str) -> None:
    said = meshclaw("schedule", "add", *words)
    assert (said.code, told in said.err) == (2, True), said.err


def test_what_an_agent_asks_for_is_off_until_it_is_enabled(meshclaw: Meshclaw, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    text = AGENT.replace("budget:", "schedule:\n  - {cron: 0 7 * * mon, words: Read my mail.}\nbudget:")
    for path, content in files(text).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    digest = meshclaw("agent", "install", str(folder), "--dry-run", "--json").json()["digest"]
    assert meshclaw("agent", "install", str(folder), "--yes", digest).code == 0
    rows = {one["name"]: one for one in meshclaw("schedule", "list", "--json").json()["schedules"]}
    assert (rows["reader.1"]["state"], rows["reader.1"]["words"]) == ("off", "Read my mail.")
    enabled = meshclaw("schedule", "enable", "reader.1", stdin="y\n")
    assert (enabled.code, "Read my mail." in enabled.out) == (0, True)
    assert meshclaw("schedule", "enable", "reader.2").code == 2
    (folder / "AGENT.md").write_text(text + "\nAnd more.")
    digest = meshclaw("agent", "install", str(folder), "--dry-run", "--json").json()["digest"]
    meshclaw("agent", "install", str(folder), "--yes", digest)
    rows = {one["name"]: one for one in meshclaw("schedule", "list", "--json").json()["schedules"]}
    assert rows["reader.1"]["state"] == "changed"


def test_a_job_by_hand(meshclaw: Meshclaw) -> None:
    said = meshclaw("schedule", "run", "morning")
    assert (said.code, "0 runs, 0 learned" in said.out) == (0, True)
    assert meshclaw("schedule", "enable", "dream", "--yes").code == 0


def test_a_watch_from_its_first_look_to_its_end(meshclaw: Meshclaw, tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("1")
    assert (
        meshclaw("watch", "add", "conf", "--path", str(file), "--dry-run", "--json").json()["added"] is False
    )
    assert "Now: 1 bytes" in meshclaw("watch", "add", "conf", "--path", str(file)).err
    [one] = meshclaw("watch", "list", "--json").json()
    assert (one["name"], one["when"], one["then"], one["stands"]) == ("conf", "changed", "tell", "")
    tested = meshclaw("watch", "test", "conf", "--json").json()
    assert (tested["would_fire"], tested["seen"]["words"]) == (False, "1 bytes")
    assert meshclaw("watch", "add", "conf", "--path", str(file)).code == 2
    assert meshclaw("watch", "remove", "conf").code == 0
    assert meshclaw("watch", "log", "--json").json() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "one thing"), (("--path", "/x", "--fact", "spend"), "one thing"),
        (("--path", "/x", "--when", "often"), "no condition"),
        (("--path", "/x", "--when", "matches (a+)+"), "busy for ever"),
        (("--path", "/x", "--when", "over much"), "no number"),
        (("--path", "/x", "--when", "changed x"), "stands alone"), (("--path", "/x", "--every", "1s"), "no span"),
        (("--url", "ftp://x/"), "no plain address"), (("--subject", "x", "--within", "soon"), "no span"),
        (("--command", "true", "--shown", "/nowhere"), "no folder"),
    ],
)  # fmt: skip
def test_a_watch_that_makes_no_sense_is_told(meshclaw: Meshclaw, words: tuple[str, ...], told: str) -> None:
    said = meshclaw("watch", "add", "w", *words)
    assert (said.code, told in said.err) == (2, True), said.err


def test_a_standing_intent(meshclaw: Meshclaw) -> None:
    words = ("standing", "add", "invoices", "invoice NOT reminder", "Tell me what it is about.")
    assert meshclaw(*words, "--dry-run", "--json").json()["added"] is False
    assert meshclaw(*words).code == 0
    [one] = meshclaw("standing", "list", "--json").json()
    assert (one["state"], one["fires"], one["budget"]) == ("on", 0, 20)
    assert meshclaw("standing", "add", "bad", '"', "x").code == 2
    assert meshclaw("standing", "add", "late", "x", "y", "--expires", "999d").code == 2
    assert meshclaw("standing", "log", "--json").json() == []
    assert meshclaw("standing", "remove", "invoices").code == 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc for the CPU time")
def test_the_daemon_notices_what_was_added_and_is_idle_otherwise(
    meshclaw: Meshclaw, home: Path, tmp_path: Path
) -> None:
    meshclaw("schedule", "add", "--every", "6h", "x")
    command = [sys.executable, "-m", "meshclaw", "daemon", "run"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "MESHCLAW_HOME": str(home)}
    ) as daemon:
        try:
            wait_until(lambda: meshclaw("daemon", "status").code == 0, "the daemon runs", 30)
            file = tmp_path / "conf"
            file.write_text("1")
            meshclaw("watch", "add", "conf", "--path", str(file), "--every", "10s", "--urgent")
            meshclaw("schedule", "add", "--every", "5h", "x")
            wait_until(lambda: meshclaw("watch", "list", "--json").json()[0]["stands"], "it looked", 15)
            before = cpu_s(daemon)
            time.sleep(8)
            assert cpu_s(daemon) - before < 0.05
            file.write_text("22")
            ledger = Ledger(home)
            wait_until(lambda: list(ledger.events(WatchFired)), "the change is told", 20)
            ledger.close()
        finally:
            daemon.terminate()
        assert daemon.wait(10) == 0
