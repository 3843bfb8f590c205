"""``meshclaw service``: the files are what their systems understand, and the hardening leaves the sandbox alive."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import msgspec
import pytest

from meshclaw.daemon import autostart
from tests.cli.conftest import Meshclaw
from tests.servers import systemd

PYTHON = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
"""One that every user may run."""
needs_manager = pytest.mark.skipif(
    systemd.group() is None or not Path(PYTHON).exists(),
    reason="needs root, systemd, control groups v2, and the system's own Python of this version",
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the unit would go; a system without a session of this user."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path / "config" / "systemd" / "user" / "meshclaw.service"


def test_a_dry_run_shows_the_file_and_the_commands_and_does_nothing(meshclaw: Meshclaw, config: Path) -> None:
    said = meshclaw("service", "install", "--dry-run")
    assert said.code == 0
    assert said.out == meshclaw("service", "show").out
    assert "systemctl --user enable meshclaw.service" in said.err
    assert not config.exists()
    assert meshclaw("service", "status", "--json").json() == {
        "file": str(config), "installed": False, "current": False, "running": False,
    }  # fmt: skip
    assert (removed := meshclaw("service", "remove")).code == 2, removed.err


def test_without_a_session_the_file_is_written_and_the_rest_is_told(meshclaw: Meshclaw, config: Path) -> None:
    said = meshclaw("service", "install")
    assert (said.code, "systemctl" in said.err) == (1, True)
    assert meshclaw("service", "status", "--json").json()["current"] is True
    config.write_text("[Service]\n")
    assert "not as it would be written now" in meshclaw("service", "status").out
    assert meshclaw("service", "remove").code == 0
    assert not config.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("moved", ["", "/srv/claw", '/tmp/a "b" %h $HOME \\x'])
def test_systemd_understands_the_unit(tmp_path: Path, config: Path, moved: str) -> None:
    path = tmp_path / "meshclaw.service"
    path.write_text(autostart.file(tmp_path, moved).text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_would_write_lines_of_its_own_is_refused(
    meshclaw: Meshclaw, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MESHCLAW_HOME", str(tmp_path / "a\nExecStart=x"))
    assert meshclaw("service", "show").code == 2


def test_a_mac_gets_a_list_of_properties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked by Python's own parser: there is no Mac here, and no plutil."""
    monkeypatch.setattr(sys, "platform", "darwin")
    one = autostart.file(tmp_path, "/srv/<claw>")
    told = plistlib.loads(one.text.encode())
    assert told["ProgramArguments"][1:] == ["-m", "meshclaw", "daemon", "run"]
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["EnvironmentVariables"] == {"MESHCLAW_HOME": "/srv/<claw>"}
    assert told["ThrottleInterval"] * autostart.TRIES >= autostart.WITHIN_S
    assert one.path.name == f"{told['Label']}.plist"


def test_other_systems_are_told_so(monkeypatch: pytest.MonkeyPatch, meshclaw: Meshclaw) -> None:
    monkeypatch.setattr(sys, "platform", "sunos5")
    said = meshclaw("service", "show")
    assert (said.code, "sunos5" in said.err) == (2, True)


@needs_manager
class TestRealManager:
    """Under systemd itself, as an ordinary user."""

    COMMAND = f"{PYTHON} -m meshclaw"

    @pytest.fixture
    def home(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        made = Path(mkdtemp())  # not in pytest's own folder, which no other user may enter
        os.chown(made, systemd.USER, systemd.USER)
        monkeypatch.delenv("MESHCLAW_HOME", raising=False)
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        found = [str(Path(autostart.__file__).parents[2]), str(Path(msgspec.__file__).parents[1])]
        monkeypatch.setenv("PYTHONPATH", ":".join(found))
        yield made
        shutil.rmtree(made)

    def value(self, manager: systemd.Manager, what: str, unit: str = "meshclaw") -> str:
        return manager.run(f"systemctl --user show {unit} --value -p {what}")[1].strip()

    def until(self, manager: systemd.Manager, what: str, wanted: str, unit: str = "meshclaw") -> None:
        end = time.monotonic() + 30
        while not re.fullmatch(wanted, self.value(manager, what, unit)):
            assert time.monotonic() < end, (what, self.value(manager, what, unit))
            time.sleep(0.2)

    def test_it_starts_hardened_comes_back_after_a_kill_and_ends_clean(self, home: Path) -> None:
        with systemd.manager(home) as manager:
            code, said = manager.run(f"{self.COMMAND} service install")
            assert code == 0, said
            self.until(manager, "ActiveState", "active")
            pid = self.value(manager, "MainPID")
            assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()
            assert "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
            manager.run(f"kill -9 {pid}")
            self.until(manager, "NRestarts", "1")
            self.until(manager, "ActiveState", "active")
            code, said = manager.run(f"{self.COMMAND} service status")
            assert code == 0, said
            code, said = manager.run(f"{self.COMMAND} down")
            assert code == 0, said
            self.until(manager, "ActiveState", "inactive")
            assert self.value(manager, "NRestarts") == "1"
            assert manager.run(f"{self.COMMAND} service remove")[0] == 0

    def test_what_fails_again_and_again_is_given_up(self, home: Path) -> None:
        with systemd.manager(home) as manager:
            folder = home / ".local" / "share" / "meshclaw"
            manager.run(f"mkdir -p -m 700 {folder}; echo 'permit (' > {folder}/policy.cedar")
            assert manager.run(f"{self.COMMAND} service install")[0] == 0
            unit = home / ".config" / "systemd" / "user" / "meshclaw.service"
            manager.run(f"sed -i s/RestartSec=.*/RestartSec=100ms/ {unit}; systemctl --user daemon-reload")
            manager.run("systemctl --user restart meshclaw")
            self.until(manager, "Result", "start-limit-hit|exit-code")
            self.until(manager, "ActiveState", "failed")
            time.sleep(1)
            tries = int(self.value(manager, "NRestarts"))
            assert (self.value(manager, "ActiveState"), tries <= autostart.TRIES) == ("failed", True)

    @pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
    def test_the_sandbox_works_inside(self, home: Path) -> None:
        with systemd.manager(home) as manager:
            text = manager.run(f"{self.COMMAND} service show")[1]
            output = f"StandardOutput=file:{home}/said\nStandardError=file:{home}/wrong"
            place = f"WorkingDirectory={home}/work"
            changes = {
                '"daemon" "run"': '"sandbox" "run" "--" "echo" "held"', "Type=exec": f"Type=oneshot\n{place}",
                "Restart=on-failure": output,
            }  # fmt: skip
            for before, after in changes.items():
                assert before in text
                text = text.replace(before, after)
            manager.run(f"mkdir {home}/work")
            unit = home / ".config" / "systemd" / "user" / "inside.service"
            unit.parent.mkdir(parents=True)
            unit.write_text(text)
            code, said = manager.run("systemctl --user daemon-reload; systemctl --user start inside")
            wrong = (home / "wrong").read_text() if (home / "wrong").exists() else ""
            assert code == 0, said + wrong
            assert (home / "said").read_text() == "held\n"
