"""A hub and a claw on the command line, each with a home of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw
from tests.servers.dovecot import wait_until

pytest.importorskip("sqlalchemy")
pytest.importorskip("uvicorn")
ROSTER = (
    "id,name,email,unit,unit_name,parent\nkim,Kim,kim@example.com,sales,Sales,all\nada,Ada,,law,Law,all\n"
)


def ask(home: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MESHCLAW_HOME": str(home)}
    command = [sys.executable, "-m", "meshclaw", *words]
    return subprocess.run(
        command, env=environment, input=given, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Home of a hub with two people."""
    home, people = tmp_path / "company", tmp_path / "people.csv"
    people.write_text(ROSTER)
    home.mkdir()
    assert ask(home, "hub", "init", "Example Ltd").returncode == 0
    assert ask(home, "hub", "roster", str(people)).returncode == 0
    return home


@pytest.fixture
def url(hub: Path) -> Iterator[str]:
    port = 18793
    command = [sys.executable, "-m", "meshclaw", "hub", "serve", "--port", str(port)]
    environment = {**os.environ, "MESHCLAW_HOME": str(hub)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
        wait_until(lambda: _answers(port), "the hub answers", 20)
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGINT)
        server.wait(20)


def _answers(port: int) -> bool:
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_a_claw_joins_tells_nothing_of_today_and_leaves(
    hub: Path, url: str, meshclaw: Meshclaw, home: Path
) -> None:
    code = ask(hub, "hub", "code", "kim").stdout.strip()
    joined = ask(home, "mesh", "join", url, given=f"{code}\n")
    assert joined.returncode == 0, joined.stderr
    assert "the unit sales" in joined.stderr
    assert meshclaw("mesh", "show", "--json").json() == []
    assert meshclaw("mesh", "send", "--json").json() == {"sent": 0}
    assert meshclaw("mesh", "status", "--json").json()["company"] == "Example Ltd"  # type: ignore[index, call-overload]
    assert ask(home, "mesh", "join", url, given=f"{code}\n").returncode == 2
    assert meshclaw("mesh", "leave").code == 0
    assert meshclaw("mesh", "show").code == 2


def test_the_code_names_the_hub(hub: Path, url: str, home: Path) -> None:
    code = re.sub(r"\..*", ".0000000000000000", ask(hub, "hub", "code", "kim").stdout.strip())
    said = ask(home, "mesh", "join", url, given=f"{code}\n")
    assert (said.returncode, "not the hub" in said.stderr) == (1, True)
    assert not (home / "mesh.json").exists()


def test_a_roster_is_the_whole_company_and_a_dry_run_changes_nothing(hub: Path, tmp_path: Path) -> None:
    people = tmp_path / "fewer.csv"
    people.write_text("\n".join(ROSTER.splitlines()[:2]))
    assert "1 left" in ask(hub, "hub", "roster", str(people), "--dry-run").stderr
    assert ask(hub, "hub", "code", "ada").returncode == 0
    assert ask(hub, "hub", "roster", str(people)).returncode == 0
    assert ask(hub, "hub", "code", "ada").returncode == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,name\nkim,Kim", "does not name email, unit"), ("id,name,email,unit\n,Kim,,sales", "line 2"),
        ("id,name,email,unit\nkim,Kim,,sales\nkim,Kim,,law", "twice"), ("id,name,email,unit\n", "nobody in it"),
    ],
)  # fmt: skip
def test_a_roster_that_is_none_changes_nothing(hub: Path, tmp_path: Path, text: str, told: str) -> None:
    people = tmp_path / "odd.csv"
    people.write_text(text)
    said = ask(hub, "hub", "roster", str(people))
    assert (said.returncode, told in said.stderr) == (2, True)
    assert ask(hub, "hub", "code", "kim").returncode == 0


def test_a_copy_is_put_back_whole_and_what_was_there_is_kept(hub: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert ask(hub, "hub", "backup", str(copy)).returncode == 0
    assert ask(hub, "hub", "backup", str(copy)).returncode == 2
    (tmp_path / "broken").write_bytes(b"SQLite format 3\0" + bytes(4_096))
    assert ask(hub, "hub", "restore", str(tmp_path / "broken")).returncode == 1
    assert ask(hub, "hub", "restore", str(copy)).returncode == 0
    assert (hub / "hub" / "hub.db.before").exists()
    assert ask(hub, "hub", "verify").returncode == 0


def test_it_is_not_served_in_the_open(hub: Path) -> None:
    said = ask(hub, "hub", "serve", "--host", "0.0.0.0")
    assert (said.returncode, "TLS" in said.stderr) == (2, True)


# -- policy and stop ---------------------------------------------------------------------


@contextmanager
def daemon(home: Path) -> Iterator[None]:
    """A claw's daemon as a process of its own."""
    command = [sys.executable, "-m", "meshclaw", "daemon", "run"]
    environment = {**os.environ, "MESHCLAW_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as running:
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(20)


def ring(hub: Path, name: str) -> dict[str, object]:
    rings = json.loads(ask(hub, "hub", "policy", "status", "--json").stdout)
    return next(one for one in rings if one["ring"] == name)


def after(until: Callable[[], bool], what: str, most_s: float = 30) -> float:
    """Seconds until it was so."""
    started = time.monotonic()
    wait_until(until, what, most_s)
    return time.monotonic() - started


def test_a_policy_is_in_force_and_a_stop_stands_in_ten_seconds_on_two_daemons(
    hub: Path, url: str, tmp_path: Path
) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
        code = ask(hub, "hub", "code", "kim").stdout
        assert ask(home, "mesh", "join", url, given=code).returncode == 0
    with ExitStack() as running:
        for home in homes:
            running.enter_context(daemon(home))
        rule = tmp_path / "company.cedar"
        rule.write_text(
            'forbid (principal, action == Action::"mail.send", resource); permit (principal, action, resource);'
        )
        assert ask(hub, "hub", "policy", "publish", str(rule), "--ring", "all").returncode == 0
        taken = after(lambda: ring(hub, "all")["in_force"] == 2, "both have it in force")
        assert ask(homes[0], "policy", "explain", "mail.send").returncode == 3
        assert ask(hub, "hub", "stop", "a leak").returncode == 0
        stopped = after(lambda: all((home / "stop.fleet").exists() for home in homes), "both are stopped")
        said = ask(homes[1], "stop", "--lift")
        assert (said.returncode, "a leak" in said.stderr) == (2, True)
        assert "lifted" in ask(homes[1], "mesh", "leave").stderr
        assert ask(hub, "hub", "stop", "--lift").returncode == 0
        lifted = after(lambda: not any((home / "stop.fleet").exists() for home in homes), "both go on")
    print(f"\ntaken after {taken:.2f} s, stopped after {stopped:.2f} s, lifted after {lifted:.2f} s")
    assert max(stopped, lifted) < 10
