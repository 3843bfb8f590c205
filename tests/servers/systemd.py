"""A real systemd user manager, as an ordinary user, in a mount namespace and a control group of its own. Needs root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from subprocess import PIPE, STDOUT

PROGRAM = Path("/lib/systemd/systemd")
USER = 54321
"""Nobody of this machine."""
_GROUPS = [Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
START = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system $XDG_RUNTIME_DIR || exit 1
chown {user}:{user} $XDG_RUNTIME_DIR || exit 1
echo $$ > {group}/cgroup.procs || exit 1
exec setpriv --reuid={user} --regid={user} --clear-groups sh -c '
{program} --user --log-target=null & manager=$!
for n in $(seq 100); do [ -S $XDG_RUNTIME_DIR/systemd/private ] && break; sleep 0.1; done
systemctl --user set-environment PYTHONPATH=$PYTHONPATH PYTHONDONTWRITEBYTECODE=1
echo ready
while read -r line; do eval "$line" 2>&1; echo "== $?"; done
kill $manager; wait $manager'
"""


class Manager:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, command: str) -> tuple[int, str]:
        """As the manager's user, in its session: exit code and all that was said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        said: list[str] = []
        for line in self._process.stdout:
            if line.startswith("== "):
                return int(line[3:]), "".join(said)
            said.append(line)
        raise AssertionError(f"the manager ended: {''.join(said)}")


def group() -> Path | None:
    """Where a control group of version 2 can be made."""
    if os.getuid() != 0 or not PROGRAM.exists() or shutil.which("setpriv") is None:
        return None
    found = next((one for one in _GROUPS if (one / "cgroup.procs").exists()), None)
    return found if found is not None and os.access(found, os.W_OK) else None


@contextmanager
def manager(home: Path) -> Iterator[Manager]:
    """``home`` is the home folder of its user, who owns it."""
    above = group()
    assert above is not None
    own = above / f"test-{token_hex(4)}"
    own.mkdir()
    os.chown(own, USER, USER)
    for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
        os.chown(own / name, USER, USER)
    environment = {
        **os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": f"/run/user/{USER}",
        "XDG_CONFIG_HOME": str(home / ".config"),
    }  # fmt: skip
    script = START.format(user=USER, group=own, program=PROGRAM)
    words = ["unshare", "--mount", "sh", "-c", script]
    with subprocess.Popen(
        words, stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            assert first == "ready\n", first + process.stdout.read()
            yield Manager(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(30)
            for pid in (own / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
            for one in sorted(own.rglob("*/"), reverse=True):
                one.rmdir()
            own.rmdir()
