"""Commands in a real sandbox: what they can see, write, use up and leave behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.errors import Busy, MeshClawError, Refused, UserError
from meshclaw.guard.sandbox import launcher
from meshclaw.guard.sandbox import run as sandbox_run
from meshclaw.guard.sandbox.egress.secret import Secret
from meshclaw.guard.sandbox.profile import PROTECTED, Limits, Profile, check
from meshclaw.guard.sandbox.run import Found, run
from tests.guard.sandbox.box import MB, needs_bubblewrap, python, sh, small

pytestmark = needs_bubblewrap


@pytest.fixture
def top() -> Iterator[Path]:
    """Not below /tmp, which inside is the sandbox's own."""
    with tempfile.TemporaryDirectory(prefix="meshclaw-", dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def state(home: Path) -> Path:
    """Nobody's own state folder is used."""
    return home


@pytest.fixture
def work(top: Path) -> Path:
    folder = top / "work"
    folder.mkdir()
    return folder


def test_a_command_works_in_its_folder_and_nowhere_else(work: Path) -> None:
    finished = sh("echo one > made; pwd; id -u; echo oops >&2; exit 3", work)
    assert (finished.code, finished.stdout, finished.stderr) == (3, f"{work}\n1000\n".encode(), b"oops\n")
    assert (work / "made").read_text() == "one\n"
    assert finished.sandboxed
    assert (work / "made").stat().st_uid == os.geteuid()


def test_nothing_of_the_person_is_seen(work: Path, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalr")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    (top / "beside").write_text("private")
    looks = [
        str(Path.home()),
        str(top / "beside"),
        "/etc/shadow",
        "/etc/ssl/private",
        "/run",
        "/sys",
        "/home",
    ]
    finished = sh(f"env; ls -d {' '.join(looks)}; cat {top}/beside; ls /tmp/.. /proc/1/root/", work)
    said = finished.stdout.decode()
    assert "wJalr" not in said
    assert "SSH_AUTH_SOCK" not in said
    assert "private" not in said
    assert not any(line in looks for line in said.splitlines())
    assert {"HOME=/tmp", "USER=claw"} <= set(said.splitlines())


OUTSIDE = {
    "the system": "echo x > /usr/bin/evil",
    "the root": "echo x > /evil",
    "etc": "echo x > /etc/ld.so.preload",
    "a device folder": "echo x > /dev/evil",
    "up": "echo x > ../evil",
    "up in steps": "echo x > ./././../work/../evil",
    "a link to outside": "ln -s {beside} link; echo x > link/evil",
    "a link to the root": "ln -s / link; echo x > link{beside}/evil",
    "a hard link to outside": "ln {beside}/file hard && echo x > hard",
    "proc": "echo x > /proc/self/cwd/../evil",
    "the first process": "echo x > /proc/1/root{beside}/evil",
    "core pattern": "echo '|/evil' > /proc/sys/kernel/core_pattern",
    "uid map": "echo '0 0 1' > /proc/self/uid_map",
    "remounted": "mount -o remount,rw /usr && echo x > /usr/evil",
    "mounted": "mount -t tmpfs none /usr",
    "a namespace of its own": "unshare -Ur true",
    "chroot": "chroot . true",
    "a device": "mknod disk b 8 0",
    "set-uid": "cp /bin/sh s && chmod u+s s && ./s -p -c 'test $(id -u) = 0'",
    "ptrace": "perl -e 'exit(syscall(101, 16, 1, 0, 0) == 0 ? 0 : 1)'",
    "the clock": "date -s 2001-01-01",
    "the host's name": "hostname evil",
    "another's priority": "nice -n -5 true 2>&1 | grep -q . && false",
}  # fmt: skip


@pytest.mark.parametrize("script", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_nothing_is_written_or_won_outside(script: str, work: Path, top: Path) -> None:
    beside = top / "beside"
    beside.mkdir()
    (beside / "file").write_text("kept")
    finished = sh(script.replace("{beside}", str(beside)), work)
    assert finished.code != 0, finished
    assert [path.name for path in top.iterdir() if path.name != "work"] == ["beside"]
    assert [(path.name, path.read_text()) for path in beside.iterdir()] == [("file", "kept")]
    assert not any(Path(at, "evil").exists() for at in ("/", "/usr", "/usr/bin", "/etc", "/dev"))


def test_a_socket_file_in_the_folder_is_no_way_out(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docker.sock and its like, also when somebody put one into the work folder."""
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(work)
        server.bind("docker.sock")
        server.listen()
        script = "import socket\ns=socket.socket(socket.AF_UNIX)\ns.connect('docker.sock')"
        finished = run(small(work), python(script))
    assert finished.code == 1
    assert b"PermissionError" in finished.stderr


def test_pairs_of_sockets_work_and_lead_nowhere(work: Path) -> None:
    """asyncio and Node need stream pairs; a pair of datagram sockets could be aimed at a file."""
    script = """
import asyncio, socket
asyncio.run(asyncio.sleep(0))
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
    try: socket.socketpair(socket.AF_UNIX, kind)
    except PermissionError: continue
    raise SystemExit(1)
for family in (socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK):
    try: socket.socket(family, socket.SOCK_STREAM)
    except PermissionError: continue
    raise SystemExit(2)
"""
    assert run(small(work), python(script)).code == 0


def test_without_rules_there_is_no_network(work: Path) -> None:
    script = """
import socket, errno
for at in ("169.254.169.254", "127.0.0.1", "192.0.2.1"):
    with socket.socket() as s:
        assert s.connect_ex((at, 80)) in (errno.ENETUNREACH, errno.ECONNREFUSED), at
try: socket.getaddrinfo("example.com", 80)
except socket.gaierror: pass
else: raise SystemExit(1)
"""
    finished = run(small(work), python(script))
    assert finished.code == 0, finished.stderr


PLANTS = {
    "written": "echo evil > .git/hooks/pre-commit",
    "added": "echo evil > .git/hooks/post-merge",
    "removed": "rm -rf .git/hooks; mkdir .git/hooks && echo evil > .git/hooks/pre-commit",
    "moved": "mv .git/hooks .git/old && mkdir .git/hooks",
    "moved with its folder": "mv .git .old && mkdir -p .git/hooks && echo evil > .git/hooks/pre-commit",
    "the folder removed": "rm -rf .git",
    "pointed elsewhere": "git config core.hooksPath evil || echo '[core] hooksPath=evil' >> .git/config",
    "config replaced": "echo evil > c && mv c .git/config",
    "the mode": "chmod 777 .git/hooks/pre-commit",
    "environment": "echo evil >> .envrc",
    "environment replaced": "echo evil > e && mv e .envrc",
    "pipeline": "echo evil >> .github/workflows/ci.yml",
    "pipeline moved": "mv .github .g && mkdir -p .github/workflows",
}


@pytest.mark.parametrize("script", PLANTS.values(), ids=PLANTS.keys())
def test_what_steers_others_is_sealed(script: str, work: Path) -> None:
    protected = (".git/hooks/pre-commit", ".git/config", ".envrc", ".github/workflows/ci.yml")
    for name in protected:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("mine")
        (work / name).chmod(0o644)
    finished = sh(script, work)
    assert finished.code != 0, finished
    assert [(work / name).read_text() for name in protected] == ["mine"] * 4
    assert (work / ".git/hooks/pre-commit").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (work / ".git/hooks").iterdir()] == ["pre-commit"]


def test_the_rest_of_a_repository_can_be_worked_on(work: Path) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "-q", str(work)], check=True)
    finished = sh(f"echo x > a && git add a && {' '.join(git)} commit -qm one && git log --oneline", work)
    assert finished.code == 0, finished.stderr
    assert finished.stdout.endswith(b" one\n")
    assert finished.planted == ()


@pytest.mark.parametrize(
    ("script", "planted"),
    [
        ("echo evil > .envrc", ".envrc"),
        ("mkdir -p .github/workflows && echo evil > .github/workflows/x.yml", ".github/workflows"),
        ("mkdir -p own/workflows && ln -s own .github", ".github"),
        ("git init -q . && echo evil > .git/hooks/pre-commit", ".git"),
        ("ln -s /etc/passwd .mcp.json", ".mcp.json"),
        ("mkfifo .bashrc", ".bashrc"),
    ],
)
def test_what_was_planted_where_nothing_was_is_set_aside(script: str, planted: str, work: Path) -> None:
    finished = sh(script, work)
    assert planted in finished.planted
    assert not os.path.lexists(work / planted)
    assert any("set-aside" in path.name for path in work.rglob("*"))


@pytest.mark.parametrize("name", [".git/hooks", ".envrc", ".git"])
def test_a_link_at_a_protected_path_stops_the_start(name: str, work: Path, tmp_path: Path) -> None:
    """Mounted, it would show what it points at."""
    (tmp_path / "keys").mkdir()
    (work / name).parent.mkdir(exist_ok=True)
    (work / name).symlink_to(tmp_path / "keys")
    with pytest.raises(Refused, match="link"):
        sh("touch ran", work)
    assert not (work / "ran").exists()


def test_two_sandboxes_do_not_share_a_folder(work: Path) -> None:
    made = small(work)
    told: list[str] = []

    def second(_stream: str, _part: bytes) -> None:
        with pytest.raises(Busy):
            run(made, ["true"])
        told.append("busy")

    assert run(made, ["echo", "here"], on_output=second).code == 0
    assert told == ["busy"]
    assert run(made, ["true"]).code == 0, "and afterwards it is free again"


LIMITS = {
    "fork bomb": (
        "f() { f | f & }; f; sleep 0.2; for i in $(seq 99); do sleep 5 & done",
        {"processes": 30, "wall_s": 3.0},
    ),
    "processes": ("for i in $(seq 60); do sleep 5 & done", {"processes": 30}),
    "processor": ("while :; do :; done", {"cpu_s": 1}),
    "memory": ("perl -e '$x = \"a\" x 300_000_000; print length $x'", {"memory_bytes": 100 * MB}),
    "one file": ("head -c 30000000 /dev/zero > big", {"file_bytes": 10 * MB}),
    "tmp": ("head -c 30000000 /dev/zero > /tmp/big", {}),
    "shared memory": ("head -c 30000000 /dev/zero > /dev/shm/big", {}),
    "core": ("ulimit -c unlimited", {}),
    "time": ("sleep 60", {"wall_s": 0.5}),
    "time, ignoring signals": ("trap '' TERM INT HUP; sleep 60; sleep 60", {"wall_s": 0.5}),
}


@pytest.mark.parametrize(("script", "limits"), LIMITS.values(), ids=LIMITS.keys())
def test_nothing_is_used_up(script: str, limits: dict[str, float], work: Path) -> None:
    begun = time.monotonic()
    finished = sh(f"set -e; {script}", work, small(work, **limits))
    assert finished.code != 0
    assert time.monotonic() - begun < 15
    assert sum(path.stat().st_size for path in work.iterdir()) <= 10 * MB


def test_a_disk_that_runs_full_stops_it(work: Path) -> None:
    finished = sh("sleep 20", work, small(work, free_bytes=1 << 60))
    assert (finished.code, finished.stopped) == (137, "disk")


def test_output_is_bounded_and_its_end_is_waited_for(work: Path) -> None:
    finished = sh("head -c 3000000 /dev/zero; echo end >&2", work, small(work, output_bytes=1000))
    assert (finished.code, len(finished.stdout), finished.stderr) == (0, 1000, b"end\n")


def test_nothing_of_ours_is_left_open_inside(work: Path) -> None:
    """An open folder of the host would lead out of any mount."""
    finished = run(small(work), python("import os; print(sorted(os.listdir('/proc/self/fd')))"))
    assert finished.stdout in (b"['0', '1', '2']\n", b"['0', '1', '2', '3']\n"), "3 is the listing itself"


def test_a_claw_killed_while_it_still_looks_lets_nothing_run(work: Path) -> None:
    """bubblewrap goes on when the pipe that holds it back ends."""
    script = """
import os, signal, sys
from pathlib import Path
from meshclaw.guard.sandbox import inside, probe
from meshclaw.guard.sandbox.profile import Profile
from meshclaw.guard.sandbox.run import run
probe.ensure = lambda *_, **__: None
inside.verify = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run(Profile(work=Path(sys.argv[1])), ["touch", "ran"])
"""
    claw = subprocess.run([sys.executable, "-c", script, str(work)], check=False, timeout=30)
    assert claw.returncode == -signal.SIGKILL
    time.sleep(0.3)
    assert not (work / "ran").exists()


def test_where_there_is_no_perl_a_shell_waits(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "PERL", "/nowhere")
    finished = sh("echo \"$0\" 'a  b'; exit 7", work)
    assert (finished.code, finished.stdout) == (7, b"sh a  b\n")


@pytest.mark.parametrize("perl", [launcher.PERL, "/nowhere"])
def test_without_leave_the_launcher_runs_nothing(
    perl: str, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "PERL", perl)
    read, write = os.pipe()
    os.close(write)
    line = [*launcher.launcher(read, None), "touch", str(work / "ran")]
    assert subprocess.run(line, pass_fds=[read], check=False).returncode == 125
    os.close(read)
    assert not (work / "ran").exists()


def test_output_is_seen_as_it_comes(work: Path) -> None:
    seen: list[tuple[str, bytes]] = []
    run(small(work), ["sh", "-c", "echo a; sleep 0.1; echo b >&2"], on_output=lambda *part: seen.append(part))
    assert seen == [("stdout", b"a\n"), ("stderr", b"b\n")]


def test_nothing_outlives_the_command(work: Path) -> None:
    beat = "while :; do date +%N > beat; sleep 0.02; done"
    finished = sh(
        f"setsid sh -c '{beat}' >/dev/null 2>&1 & (setsid sh -c '{beat}' &) ; until test -s beat; do sleep 0.02; done",
        work,
    )
    assert finished.code == 0
    last = (work / "beat").read_text()
    time.sleep(0.2)
    assert (work / "beat").read_text() == last


def test_nothing_outlives_whoever_started_it(work: Path) -> None:
    """kill -9 on the claw takes the sandbox with it."""
    script = """
import sys
from pathlib import Path
from meshclaw.guard.sandbox.profile import Profile
from meshclaw.guard.sandbox.run import run
run(Profile(work=Path(sys.argv[1])), ["sh", "-c", "while :; do date +%N > beat; sleep 0.02; done"])
"""
    with subprocess.Popen([sys.executable, "-c", script, str(work)]) as claw:
        until = time.monotonic() + 20
        while not (work / "beat").exists() and time.monotonic() < until:
            time.sleep(0.02)
        claw.send_signal(signal.SIGKILL)
    time.sleep(0.2)
    last = (work / "beat").read_text()
    time.sleep(0.2)
    assert (work / "beat").read_text() == last


@pytest.mark.parametrize(
    "folder", ["/", "/usr", "/usr/local", "/etc", "/root/.ssh", "{home}", "{above}", "/nowhere", "{file}"]
)
def test_a_folder_that_opens_too_much_is_no_work_folder(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = Path(folder.format(home=Path.home(), above=Path.home().parent, file=tmp_path / "file"))
    with pytest.raises(UserError):
        check(Profile(work=path), state=tmp_path)


def test_a_home_is_not_shown_read_only_either(work: Path) -> None:
    for path in (Path.home(), Path("/"), Path("/opt/x/.ssh")):
        with pytest.raises(UserError):
            run(Profile(work=work, read_only=(path,)), ["true"])


def test_the_state_folder_is_not_shown(work: Path, home: Path) -> None:
    with pytest.raises(UserError, match="home"):
        run(Profile(work=home.parent), ["true"])


def test_a_bubblewrap_on_the_person_s_path_is_not_taken(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "bwrap").write_text("#!/bin/sh\n")
    (work / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{work}:{os.environ['PATH']}")
    assert sandbox_run.find().path == str(Path("/usr/bin/bwrap").resolve())


def test_a_secret_without_a_rule_is_a_mistake(work: Path) -> None:
    lost = Secret(name="TOKEN", value="0123456789", host="x.example")
    with pytest.raises(UserError, match="TOKEN"):
        run(small(work), ["true"], secrets=[lost])


def test_without_bubblewrap_nothing_runs_unless_a_person_said_so(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_run, "find", lambda: Found(kind="none"))
    with pytest.raises(Refused, match="no sandbox") as refused:
        run(small(work), ["touch", "ran"])
    assert "apt install bubblewrap" in refused.value.fix
    assert not (work / "ran").exists()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalr")
    finished = run(small(work), ["sh", "-c", "touch ran; env"], unsandboxed_allowed=True)
    assert (finished.code, finished.sandboxed) == (0, False)
    assert (work / "ran").exists()
    assert b"wJalr" not in finished.stdout


def test_without_a_sandbox_time_still_ends_it(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_run, "find", lambda: Found(kind="none"))
    finished = run(small(work, wall_s=0.3), ["sh", "-c", "sleep 20 & sleep 20"], unsandboxed_allowed=True)
    assert finished.stopped == "time"


BUBBLEWRAPS = {
    "ends at once": "exit 1",
    "says nothing": "sleep 30",
    "only runs the command": """
for last; do :; done
while [ $# -gt 0 ]; do
  case "$1" in --info-fd) info=$2;; --block-fd) block=$2;; --) shift; break;; esac
  shift
done
eval "echo '{\\"child-pid\\": '$$'}' >&$info"
eval "read -r _ <&$block"
exec "$@"
""",
}


@pytest.mark.parametrize("script", BUBBLEWRAPS.values(), ids=BUBBLEWRAPS.keys())
def test_a_bubblewrap_that_builds_nothing_runs_nothing(
    script: str, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sandbox_run, "find", lambda: Found(kind="bubblewrap", path=str(fake)))
    monkeypatch.setattr("meshclaw.guard.sandbox.inside.START_S", 0.5)
    with pytest.raises(MeshClawError):
        run(small(work), ["touch", "ran"])
    assert not (work / "ran").exists()


def test_every_protected_path_is_spelled_plainly() -> None:
    assert all(path == os.path.normpath(path) and not path.startswith("/") for path in PROTECTED)
    assert Limits().wall_s > 0
