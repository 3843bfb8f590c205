"""``meshclaw up`` and ``down``: started once, found again, and stopped by nobody but its owner."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meshclaw.cli import up
from meshclaw.cli.up import LOG, OPENS
from meshclaw.daemon import alone
from meshclaw.errors import Operational
from meshclaw.home.keys import FILE
from tests.cli.conftest import Meshclaw
from tests.home.stage import Browser
from tests.servers.dovecot import wait_until

Terminal = Callable[..., str]


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    """Runs ``meshclaw`` with these words on a terminal of its own; what it showed. The daemon ends with the test."""

    def run(*words: str, keys: str = "", **more: str) -> str:
        environment = {**os.environ, "MESHCLAW_HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", **more}
        environment = {name: value for name, value in environment.items() if value}
        main, other = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "meshclaw", *words],
            stdin=other,
            stdout=other,
            stderr=other,
            env=environment,
        ):
            os.close(other)
            os.write(main, keys.encode())
            shown = b""
            while True:
                try:
                    piece = os.read(main, 4096)
                except OSError:  # the other end is closed
                    break
                if not piece:
                    break
                shown += piece
        os.close(main)
        return shown.decode()

    yield run
    if (pid := alone.pid(home)) is not None:
        up.stop(home, pid)


def test_it_starts_shows_an_address_that_opens_the_page_and_is_found_again(
    terminal: Terminal, meshclaw: Meshclaw, home: Path
) -> None:
    shown = terminal("up", "--no-browser")
    [address] = re.findall(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", shown)
    assert "Started, as process" in shown
    browser = Browser(home, int(re.findall(r":(\d+)/", address)[0]))
    assert browser.get(address.partition(str(browser.port))[2]).status == 200
    second = terminal("up", "--no-browser")
    assert "Runs already" in second
    [other] = re.findall(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", second)
    assert other.partition("?")[0] == address.partition("?")[0]
    assert other != address
    status = meshclaw("daemon", "status", "--json").json()
    assert status["services"]["page"]["state"] == "ready"  # type: ignore[index]
    assert "Stopped." in terminal("down")
    assert alone.pid(home) is None
    third = terminal("up", "--no-browser")
    assert address.partition("?")[0] in third  # the same port, so a bookmark still leads there


def test_the_token_is_in_no_pipe_no_log_and_no_process(
    terminal: Terminal, meshclaw: Meshclaw, home: Path
) -> None:
    said = meshclaw("up")
    assert said.code == 0
    token = Browser(home, 1).token
    assert "token" not in said.out
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", said.out)
    assert token not in said.err + meshclaw("up", "--json").out
    assert token not in (home / LOG).read_text()
    assert stat.S_IMODE((home / LOG).stat().st_mode) == stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    words = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [one for one in words if token.encode() in one]


def test_a_browser_is_led_there_by_a_private_file(terminal: Terminal, home: Path, tmp_path: Path) -> None:
    """The words that a browser is started with can be read by everybody."""
    told = tmp_path / "told"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$*" > {told}\n')
    program.chmod(0o755)
    shown = terminal("up", BROWSER=str(program), DISPLAY=":1")
    assert "Opened in your browser" in shown
    wait_until(told.exists, "the browser was started", 10)
    wait_until(lambda: told.read_text() != "", "it was told where to go", 10)
    assert told.read_text() == (home / OPENS).as_uri()
    token = Browser(home, 1).token
    assert token in (home / OPENS).read_text()
    assert token not in told.read_text() + shown
    assert stat.S_IMODE((home / OPENS).stat().st_mode) == 0o600
    terminal("down")
    assert not (home / OPENS).exists()


def test_a_port_that_is_taken_is_told_and_another_page_is_not_passed_off_as_that_one(
    terminal: Terminal, home: Path
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port} is taken" in terminal("up", "--no-browser", "--port", port)
        terminal("down")
    assert f"127.0.0.1:{port}/" in terminal("up", "--no-browser", "--port", port)
    assert "runs already, with its page at" in terminal("up", "--no-browser", "--port", "1")


def test_what_keeps_it_from_starting_is_told(terminal: Terminal, home: Path) -> None:
    (home / "policy.cedar").write_text("permit (")
    shown = terminal("up", "--no-browser")
    assert "it ended at once" in shown
    assert "policy.cedar" in shown


def test_without_the_extra_it_says_which_one(meshclaw: Meshclaw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "is_here", lambda: False)
    said = meshclaw("up")
    assert (said.code, "openmeshclaw[home]" in said.err) == (2, True)


def test_down_stops_nobody_else(home: Path, meshclaw: Meshclaw) -> None:
    assert meshclaw("down").code == 2
    with subprocess.Popen(["sleep", "60"]) as other, (home / alone.LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(str(other.pid))  # as after a crash whose number was given to another process
        lock.flush()
        with pytest.raises(Operational, match="is not the claw"):
            up.stop(home, other.pid)
        time.sleep(0.1)
        assert other.poll() is None
        other.kill()


def test_a_dry_run_stops_nothing(terminal: Terminal, meshclaw: Meshclaw, home: Path) -> None:
    terminal("up", "--no-browser")
    said = meshclaw("down", "--dry-run")
    assert (said.code, said.err) == (0, f"Would stop process {alone.pid(home)}.\n")
    assert alone.pid(home) is not None
