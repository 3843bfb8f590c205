# ruff: noqa: PTH104, PTH108, PTH116, PTH123, S108
"""Runs INSIDE the sandbox, alone, and tries to get out: prints which attempts failed as they must.

It gets one JSON argument from ``probe.py`` and imports nothing of ours.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

GIVEN: dict[str, Any] = json.loads(sys.argv[1])
_libc = ctypes.CDLL(None, use_errno=True)
_REMOUNT_BIND = 0x20 | 0x1000
_NEW_USER = 0x10000000


def capabilities() -> bool:
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    none = all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
    return none and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and os.getuid() != 0


def remount() -> bool:
    tried = [_libc.mount(b"none", path, None, _REMOUNT_BIND, None) for path in (b"/", b"/usr", b"/dev")]
    return all(tried) and _libc.umount2(b"/usr", 2) != 0 and _cannot_write("/usr")


def namespaces() -> bool:
    number = GIVEN["numbers"]["clone"]
    made = _libc.syscall(number, _NEW_USER | signal.SIGCHLD, 0, 0, 0, 0)
    if made == 0:
        os._exit(0)
    return made < 0 and _libc.unshare(_NEW_USER) != 0


def kernel() -> bool:
    """ptrace, bpf, keyctl, io_uring, perf and the like end before they begin."""
    return all(
        _libc.syscall(number, 16, 0, 0, 0, 0) < 0 and ctypes.get_errno() == errno.EPERM
        for name, number in GIVEN["numbers"].items()
        if name != "clone"
    )


def unix_sockets() -> bool:
    return _fails(lambda: socket.socket(socket.AF_UNIX)) and _fails(
        lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    )


def network() -> bool:
    """No interface but loopback; cloud metadata and the rest of the world cannot be reached, and at once."""
    addresses = ("169.254.169.254", "192.0.2.1", "fd00:ec2::254")
    with open("/proc/net/dev", encoding="ascii") as file:
        interfaces = [line.split(":")[0].strip() for line in file.read().splitlines()[2:]]
    return interfaces == ["lo"] and all(map(_unreachable, addresses))


def metadata_by_proxy() -> bool:
    """The way out that there is leads to no metadata service, whatever the request looks like."""
    return all(
        _refused(line)
        for line in (
            b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80",
            b"GET http://169.254.169.254/latest/ HTTP/1.1\r\nHost: 169.254.169.254",
            b"GET http://[::ffff:a9fe:a9fe]/ HTTP/1.1\r\nHost: [::ffff:a9fe:a9fe]",
        )
    )


def first_root() -> bool:
    """A file that lies outside is found by no way around."""
    marker = GIVEN["marker"]
    ways = (
        "",
        "/proc/1/root",
        "/proc/self/root",
        "/proc/1/cwd/../../../../../..",
        "/proc/self/cwd/../../../../..",
    )
    return all(_fails(lambda way=way: os.stat(way + marker)) for way in ways)


def write_outside() -> bool:
    """/tmp is the sandbox's own; whether a write there came out is looked at from outside."""
    tried = {folder: _cannot_write(folder) for folder in GIVEN["outside"]}
    return all(failed for folder, failed in tried.items() if not folder.startswith("/tmp/"))


def protected() -> bool:
    """A sealed file cannot be written, replaced, or moved away with its folder."""
    return (
        _fails(lambda: os.close(os.open(".git/hooks/canary", os.O_CREAT | os.O_WRONLY)))
        and _fails(lambda: os.rename(".git", ".moved"))
        and _fails(lambda: os.rename(".git/hooks", ".git/moved"))
    )


def landlock() -> bool:
    """Only Landlock stands between a process and its own name."""
    return not GIVEN["landlock"] or _fails(lambda: os.close(os.open("/proc/self/comm", os.O_WRONLY)))


def memory_files() -> bool:
    return all(map(_fills_up, ("/tmp", "/dev/shm")))


def processes() -> bool:
    """Forking comes to an end at the limit; all that was forked is ended again."""
    made: list[int] = []
    held = False
    try:
        for _ in range(GIVEN["processes"] + 8):
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            made.append(child)
    except OSError:
        held = True
    for child in made:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return held


def _cannot_write(folder: str) -> bool:
    return _fails(lambda: os.close(os.open(folder + GIVEN["name"], os.O_CREAT | os.O_WRONLY, 0o600)))


def _unreachable(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as connection:
        connection.settimeout(0.5)
        return connection.connect_ex((address, 80)) in (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES)


def _refused(head: bytes) -> bool:
    with socket.create_connection(("127.0.0.1", GIVEN["proxy"]), timeout=5) as connection:
        connection.sendall(head + b"\r\n\r\n")
        return connection.recv(12) == b"HTTP/1.1 403"


def _fills_up(folder: str) -> bool:
    path = f"{folder}/canary"
    with open(path, "wb", buffering=0) as file:
        try:
            return any(file.write(bytes(1 << 20)) < 1 << 20 for _ in range(GIVEN["tmp_mb"] + 1))
        except OSError as error:
            return error.errno == errno.ENOSPC
        finally:
            os.unlink(path)


def _fails(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


ALL = (
    capabilities, remount, namespaces, kernel, unix_sockets, network, first_root, write_outside, protected, landlock,
    memory_files, processes,
)  # fmt: skip

if __name__ == "__main__":
    tried = (*ALL, metadata_by_proxy) if GIVEN["proxy"] else ALL
    print(json.dumps({one.__name__: one() for one in tried}))  # noqa: T201
