"""A control group per sandbox where this process may make one: memory and processes of all together.

Version 2 needs a delegated group (systemd gives users one); version 1 needs root. Without one the limits hold per
process, and the number of processes is bounded by RLIMIT_NPROC, which the kernel does not apply to root.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from meshclaw.errors import Refused
from meshclaw.guard.sandbox.profile import Limits

_TOP = Path("/sys/fs/cgroup")
_ENDED_S = 2.0
_OURS = "meshclaw-"


@contextmanager
def group(limits: Limits) -> Generator[tuple[Path, ...]]:
    """New groups with ``limits``; none where none can be had. Removed when everything in them has ended."""
    with ExitStack() as made:
        yield tuple(made.enter_context(_made(parent, _limits(limits, parent))) for parent in parents())


def join(groups: tuple[Path, ...], pid: int) -> None:
    """Raises Refused where the kernel lets nobody in: a limit that was counted on must hold."""
    for one in groups:
        try:
            (one / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            raise Refused(f"{str(one)!r} takes no process ({error.strerror})") from error


@cache
def parents() -> tuple[Path, ...]:
    """The folders in which groups can be made here; what a killed process left in them is removed."""
    found = _found()
    for path in found:
        _sweep(path)
    return found


def _found() -> tuple[Path, ...]:
    own = _own()
    if _unified():
        here = _TOP / own.get("", "").lstrip("/")
        above = (path for path in (here, *here.parents) if path.is_relative_to(_TOP))
        return tuple(path for path in above if _usable(path))[:1]
    found = (_TOP / name / own.get(name, "").lstrip("/") for name in ("pids", "memory"))
    return tuple(path for path in found if _usable(path))


def _unified() -> bool:
    return (_TOP / "cgroup.controllers").exists()


def _own() -> dict[str, str]:
    """This process's group per controller of version 1; under the empty name that of version 2."""
    lines = Path("/proc/self/cgroup").read_text("ascii").splitlines()
    split = [line.split(":", 2) for line in lines]
    return {controller: path for _, names, path in split for controller in names.split(",")}


def _named(parent: Path) -> str:
    return "" if _unified() else parent.relative_to(_TOP).parts[0]


def _limits(limits: Limits, parent: Path) -> dict[str, str]:
    memory, processes = str(limits.memory_bytes), str(limits.processes)
    return {
        "": {"pids.max": processes, "memory.max": memory, "memory.swap.max": "0"},
        "pids": {"pids.max": processes},
        "memory": {"memory.limit_in_bytes": memory},
    }[_named(parent)]


def _usable(parent: Path) -> bool:
    """Tried out: what the permissions say is not what the kernel does."""
    try:
        with _made(parent, _limits(Limits(), parent)):
            return True
    except OSError:
        return False


@contextmanager
def _made(parent: Path, limits: dict[str, str]) -> Generator[Path]:
    path = parent / f"{_OURS}{os.getpid()}-{secrets.token_hex(6)}"
    path.mkdir()
    try:
        for name, value in limits.items():
            if name != "memory.swap.max" or (path / name).exists():
                (path / name).write_text(value)
        yield path
    finally:
        _remove(path)


def _sweep(parent: Path) -> None:
    """Only groups whose maker is gone: an empty one may be somebody's who is about to use it."""
    for left in parent.glob(f"{_OURS}*-*"):
        maker = left.name.removeprefix(_OURS).partition("-")[0]
        if maker.isdigit() and not Path("/proc", maker).exists():
            with suppress(OSError):  # something still runs in it, or another process was quicker
                left.rmdir()


def _remove(path: Path) -> None:
    until = time.monotonic() + _ENDED_S
    while True:
        try:
            return path.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.001)
