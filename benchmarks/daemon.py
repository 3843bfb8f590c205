"""The daemon with its page and all that is connected: how soon it is ready, and what it costs while nothing comes.

Beside it the same of other claws, where ``make bench-peers`` has installed them, each in an environment of its own
below build/peers, with an empty home, no model and no channel. Ready is by the clock on the wall; the rest is counted.

Run: python benchmarks/daemon.py

Linux only: it reads /proc.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import msgspec
from idle import WATCHED_S, comes_to_rest, cpu_s, resident_mb
from measure import MB, MESHCLAW, ROOT, Child, Row, environment, run, show
from real_mail import lay_out

PEERS = ROOT / "build" / "peers"
TIMES = 5
PATIENCE_S = 60.0
SETTLES_S = 10.0
"""How long a peer is left alone before its idle minute."""
LOOK_S = 0.005
PORT = 18790


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """Of its folder and its program."""
    starts: Sequence[str]
    is_ready: Callable[[Path], bool]
    """Given its home."""


def hermes_is_ready(home: Path) -> bool:
    try:
        return b'"gateway_state":"running"' in (home / ".hermes" / "gateway_state.json").read_bytes().replace(
            b" ", b""
        )
    except OSError:
        return False


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


OTHERS = (
    Peer(
        name="nanobot", starts=("gateway", "--foreground", "--port", str(PORT)), is_ready=lambda _: answers(PORT)
    ),
    Peer(name="hermes", starts=("gateway", "run"), is_ready=hermes_is_ready),
)  # fmt: skip


# -- ours --------------------------------------------------------------------------------


def program() -> str:
    """Installed as the peers are, where that was done; else the one of this environment."""
    installed = PEERS / "meshclaw" / "bin" / "meshclaw"
    return str(installed) if installed.exists() else MESHCLAW


def is_ready(home: Path) -> bool:
    """Each service has said so, and the page answers."""
    try:
        known = msgspec.json.decode((home / "daemon.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    states = [one["state"] for one in known["services"].values()]
    return set(states) == {"ready"} and answers(int(known["page"].rstrip("/").rpartition(":")[2]))


def look(home: Path) -> None:
    """As a person does once: signs in and opens the pages, so that all that they need is loaded."""
    kept = msgspec.json.decode((home / "page.json").read_bytes())
    address, browser = f"http://127.0.0.1:{kept['port']}", build_opener(HTTPCookieProcessor())
    browser.open(f"{address}/?token={kept['token']}").read()
    for path in ("/", "/approvals", "/runs", "/spend", "/ledger", "/memory"):
        browser.open(address + path).read()


def ours(scratch: Path) -> list[Row]:
    mailbox, home = lay_out(scratch / "Maildir"), scratch / "home"
    command = [program(), "daemon", "run"]
    run([program(), "mail", "connect", f"maildir:{mailbox}", "--me", "me@example.com"], home=home)
    once = started(command, environment(home), lambda: is_ready(home))
    rest = comes_to_rest(once.pid, home)
    stopped(once)
    ready = [timed(command, environment(home), lambda: is_ready(home)) for _ in range(TIMES)]
    process = started(command, environment(home), lambda: is_ready(home))
    try:
        look(home)
        time.sleep(SETTLES_S)
        used, memory = idle(process)
    finally:
        stopped(process)
    note = "" if rest else "The first triage never came to rest; measured all the same."
    return [
        Row(what="meshclaw, --help", values=helped([program(), "--help"]), unit="s", at_most=0.25),
        Row(what="meshclaw, ready with mail and page", values=ready, unit="s", at_most=1.0, note=note),
        Row(what="meshclaw, idle memory, page seen", values=[memory], unit="MB", at_most=110),
        Row(what="meshclaw, idle CPU in 60 s", values=[used], unit="s", at_most=0.2),
        *sizes("meshclaw", "meshclaw-models"),
    ]


# -- theirs ------------------------------------------------------------------------------


def theirs(peer: Peer, scratch: Path) -> list[Row]:
    path = PEERS / peer.name / "bin" / peer.name
    if not path.exists():
        return []
    home = scratch / peer.name
    home.mkdir()
    surroundings = environment(None) | {"HOME": str(home)}
    command = [str(path), *peer.starts]
    stopped(started(command, surroundings, lambda: peer.is_ready(home)))  # what it lays out once
    clean(home)
    ready: list[float] = []
    for _ in range(TIMES):
        ready.append(timed(command, surroundings, lambda: peer.is_ready(home)))
        clean(home)
    process = started(command, surroundings, lambda: peer.is_ready(home))
    try:
        time.sleep(SETTLES_S)
        used, memory = idle(process)
    finally:
        stopped(process)
    return [
        Row(what=f"{peer.name}, --help", values=helped([str(path), "--help"]), unit="s"),
        Row(what=f"{peer.name}, gateway ready, no channel", values=ready, unit="s"),
        Row(what=f"{peer.name}, idle memory", values=[memory], unit="MB"),
        Row(what=f"{peer.name}, idle CPU in 60 s", values=[used], unit="s"),
        *sizes(peer.name),
    ]


def clean(home: Path) -> None:
    """What a stopped one left behind must not look like one that is ready."""
    (home / ".hermes" / "gateway_state.json").unlink(missing_ok=True)


# -- both --------------------------------------------------------------------------------


def helped(command: Sequence[str]) -> list[float]:
    first, *rest = (run(command) for _ in range(TIMES + 1))
    assert isinstance(first, Child)
    return [one.wall_s for one in rest]


def started(
    command: Sequence[str], surroundings: dict[str, str], holds: Callable[[], bool]
) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=surroundings, stdin=quiet, stdout=quiet, stderr=quiet)
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            process.wait()
            raise SystemExit(f"{' '.join(command)} was never ready")
        time.sleep(LOOK_S)
    return process


def stopped(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def timed(command: Sequence[str], surroundings: dict[str, str], holds: Callable[[], bool]) -> float:
    before = time.perf_counter()
    process = started(command, surroundings, holds)
    took = time.perf_counter() - before
    stopped(process)
    return took


def idle(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """CPU seconds of a minute, and memory after it, of the process and all that it started."""
    pids = [process.pid, *children(process.pid)]
    before = sum(map(cpu_s, pids))
    time.sleep(WATCHED_S)
    if process.poll() is not None:
        raise SystemExit("it stopped by itself")
    return sum(map(cpu_s, pids)) - before, sum(map(resident_mb, pids))


def children(pid: int) -> list[int]:
    found = [
        int(one)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for one in (task / "children").read_text().split()
    ]
    return [*found, *(grand for one in found for grand in children(one))]


def sizes(*names: str) -> list[Row]:
    """Of the whole environment, pip included, without bytecode of ours: as ``du`` counts it."""
    there = [name for name in names if (PEERS / name).exists()]
    return [Row(what=f"{name}, installed", values=[size_mb(PEERS / name)], unit="MB") for name in there]


def size_mb(folder: Path) -> float:
    files = (
        one.lstat()
        for one in folder.rglob("*")
        if one.is_file() and not one.is_symlink() and one.suffix != ".pyc"
    )
    return sum(one.st_blocks * 512 for one in files) / MB


def measure(scratch: Path) -> list[Row]:
    rows = ours(scratch)
    for peer in OTHERS:
        rows += theirs(peer, scratch)
    return rows


if __name__ == "__main__":
    if not sys.platform.startswith("linux"):
        print("This benchmark reads /proc, which only Linux has.", file=sys.stderr)
        raise SystemExit(2)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(show(measure(Path(folder))))
