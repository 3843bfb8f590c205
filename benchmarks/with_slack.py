"""The daemon with a mailbox and Slack connected: until it is ready, its memory, its CPU over one idle minute.

Run: python benchmarks/with_slack.py

Slack is the one of the tests, on this machine: Web API and Socket Mode. Linux only: it reads /proc.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from idle import WATCHED_S, cpu_s, resident_mb
from measure import MESHCLAW, Row, environment, run, show

from tests.servers.slack import APP_TOKEN, BOT_TOKEN, Slack, running

STARTS = 5
SETTLED_S = 5.0


def connect(scratch: Path, slack: Slack) -> Path:
    home, mailbox, tokens = scratch / "home", scratch / "Maildir", scratch / "tokens"
    for name in ("cur", "new", "tmp"):
        (mailbox / name).mkdir(parents=True)
    tokens.write_text(f"{BOT_TOKEN}\n{APP_TOKEN}\n")
    tokens.chmod(0o600)
    run([MESHCLAW, "mail", "connect", f"maildir:{mailbox}", "--me", "me@acme.example"], home=home)
    run(
        [
            MESHCLAW, "slack", "connect", "--me", "me@acme.example", "--api", slack.api, "--secret-file",
            str(tokens),
        ],
        home=home,
    )  # fmt: skip
    return home


def started(home: Path) -> tuple[subprocess.Popen[bytes], float]:
    """A daemon that said it is ready, and how many seconds that took."""
    begun = time.perf_counter()
    process = subprocess.Popen([MESHCLAW, "daemon", "run"], env=environment(home), stderr=subprocess.PIPE)
    assert process.stderr is not None
    line = process.stderr.readline()
    if b"Ready: " not in line or b"slack" not in line:
        raise SystemExit(f"the daemon did not get ready: {line!r}")
    return process, time.perf_counter() - begun


def ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.communicate()


def measure(scratch: Path) -> list[Row]:
    with running() as slack:
        home = connect(scratch, slack)
        seconds: list[float] = []
        for _ in range(STARTS):
            process, took = started(home)
            ended(process)
            seconds.append(took)
        process, _ = started(home)
        try:
            if not slack.socket.connected():
                raise SystemExit("the daemon did not open its socket")
            time.sleep(SETTLED_S)
            before = cpu_s(process.pid)
            time.sleep(WATCHED_S)
            used, memory = cpu_s(process.pid) - before, resident_mb(process.pid)
        finally:
            ended(process)
    return [
        Row(what="daemon with Slack, ready", values=[median(seconds)], unit="s", at_most=1.0),
        Row(what="daemon with Slack, idle memory", values=[memory], unit="MB", at_most=110),
        Row(what="daemon with Slack, idle CPU in 60 s", values=[used], unit="s", at_most=0.2),
    ]


if __name__ == "__main__":
    if not sys.platform.startswith("linux"):
        print("This benchmark reads /proc, which only Linux has.", file=sys.stderr)
        raise SystemExit(2)
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(show(measure(Path(folder))))
