"""What the daemon costs while nothing comes: memory, and CPU over one minute, after it triaged 500 mails.

Run: python benchmarks/idle.py

Linux only: it reads /proc.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import MB, MESHCLAW, Row, environment, run, show
from real_mail import lay_out

WATCHED_S = 60.0
QUIET_S = 5.0
PATIENCE_S = 60.0


def cpu_s(pid: int) -> float:
    """Of all its threads, in nanoseconds underneath; the usual ticks of 10 ms are too coarse for a tenth."""
    told = (file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(words[0]) for words in told) / 1e9


def resident_mb(pid: int) -> float:
    words = Path(f"/proc/{pid}/status").read_text().split()
    return int(words[words.index("VmRSS:") + 1]) * 1024 / MB


def comes_to_rest(pid: int, home: Path) -> bool:
    """The first triage is in the ledger's signed head, and hardly any CPU went by since."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        before = cpu_s(pid)
        time.sleep(QUIET_S)
        if (home / "ledger.head").exists() and cpu_s(pid) - before < 0.05:
            return True
    return False


def watch(process: subprocess.Popen[bytes], home: Path) -> list[Row]:
    note = "" if comes_to_rest(process.pid, home) else "It never came to rest; measured all the same."
    before = cpu_s(process.pid)
    time.sleep(WATCHED_S)
    used = cpu_s(process.pid) - before
    if process.poll() is not None:
        raise SystemExit("the daemon stopped by itself")
    return [
        Row(what="idle daemon, memory", values=[resident_mb(process.pid)], unit="MB", at_most=70, note=note),
        Row(what="idle daemon, CPU in 60 s", values=[used], unit="s", at_most=0.1),
    ]


def measure(scratch: Path) -> list[Row]:
    mailbox, home = lay_out(scratch / "Maildir"), scratch / "home"
    run([MESHCLAW, "mail", "connect", f"maildir:{mailbox}", "--me", "me@example.com"], home=home)
    process = subprocess.Popen(
        [MESHCLAW, "daemon", "run", "--no-page"], env=environment(home), stderr=subprocess.DEVNULL
    )
    try:
        return watch(process, home)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    if not sys.platform.startswith("linux"):
        print("This benchmark reads /proc, which only Linux has.", file=sys.stderr)
        raise SystemExit(2)
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(show(measure(Path(folder))))
