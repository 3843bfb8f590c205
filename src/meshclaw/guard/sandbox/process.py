"""One command from start to end: held back until everything around it is checked, fed, bounded, and ended with all
its children."""

from __future__ import annotations

import json
import os
import resource
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from typing import Literal

import msgspec

from meshclaw.errors import Refused, Uncertain
from meshclaw.flow.egress import EgressPass, EgressRefusal
from meshclaw.guard.sandbox import cgroup, inside, landlock, launcher, seccomp
from meshclaw.guard.sandbox.egress.way_out import Egress
from meshclaw.guard.sandbox.profile import Limits, Mounts, Profile, arguments, environment, system_mounts
from meshclaw.guard.sandbox.protect import only_one, set_aside, survey

Stream = Literal["stdout", "stderr"]
Stopped = Literal["", "time", "disk"]
_LOOK_S = 0.1
_ETC = {
    "/etc/passwd": b"claw:x:1000:1000::/tmp:/bin/sh\n",
    "/etc/group": b"claw:x:1000:\n",
    "/etc/hosts": b"127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}
_ENDED_S = 5.0
CERTIFICATES = "/run/meshclaw/certificates.pem"


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    code: int
    """Exit code; 128 and the signal's number where one ended it."""
    stdout: bytes
    stderr: bytes
    stopped: Stopped = ""
    """What the sandbox ended it for."""
    planted: tuple[str, ...] = ()
    """Protected paths that were free before; what the command put there was renamed and is of no effect."""
    refused: tuple[EgressRefusal, ...] = ()
    passed: tuple[EgressPass, ...] = ()
    sandboxed: bool = True


class Running(msgspec.Struct, frozen=True, kw_only=True):
    process: subprocess.Popen[bytes]
    kill: Callable[[], None]
    """Ends the process and whatever it forked."""


def in_bubblewrap(
    bwrap: str,
    profile: Profile,
    command: Sequence[str],
    *,
    egress: Egress | None = None,
    stdin: int = subprocess.DEVNULL,
    on_output: Callable[[Stream, bytes], None] | None = None,
    over: Callable[[], bool] | None = None,
) -> Finished:
    """Run ``command``. Raises Refused where the sandbox cannot be built as asked; then nothing ran."""
    with only_one(profile.work) as work:
        found = survey(work, profile.protected)
        mounts = Mounts(system=system_mounts(), held=found.held, sealed=found.sealed)
        try:
            with _sandbox(bwrap, profile, mounts, command, egress=egress, stdin=stdin) as running:
                finished = pump(running, profile, on_output, over)
        finally:
            planted = set_aside(work, found.absent)
    return msgspec.structs.replace(finished, planted=planted)


@contextmanager
def _sandbox(
    bwrap: str,
    profile: Profile,
    mounts: Mounts,
    command: Sequence[str],
    *,
    egress: Egress | None,
    stdin: int,
) -> Generator[Running]:
    """Build it, look at it, let it go; afterwards nothing of it is left."""
    with ExitStack() as stack:
        rules = stack.enter_context(_own(landlock.ruleset())) if landlock.available() else None
        files = {path: stack.enter_context(_file(text)) for path, text in _files(egress).items()}
        filter_ = stack.enter_context(_file(seccomp.program()))
        info, tell = (stack.enter_context(end) for end in _pipe())
        block, release = (stack.enter_context(end) for end in _pipe())
        groups = stack.enter_context(cgroup.group(profile.limits))
        line = arguments(
            profile, mounts, bwrap=bwrap, seccomp=filter_.fileno(), info=tell.fileno(), block=block.fileno(),
            files={path: file.fileno() for path, file in files.items()},
        )  # fmt: skip
        leave, give_leave = (stack.enter_context(end) for end in _pipe())
        handed = [one.fileno() for one in (leave, tell, block, filter_, *files.values())]
        process = stack.enter_context(
            subprocess.Popen(
                [*line, "--", *launcher.launcher(leave.fileno(), rules), *command],
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=_environment(profile, egress),
                pass_fds=[*handed, *([rules] if rules is not None else ())],
            )
        )  # fmt: skip
        stack.callback(process.kill)
        for end in (tell, block, leave):
            end.close()
        with _told_by(process):
            pid = _first(info)
            kill = stack.enter_context(_whole_tree(pid, process))
            _bound(pid, profile.limits)
            joined = stack.enter_context(ThreadPoolExecutor(1)).submit(cgroup.join, groups, pid)
            listener = stack.enter_context(inside.listening(pid)) if egress else None
            _look(pid, process, profile, mounts, rules)
            if egress and listener:
                egress.serve(listener())
            joined.result()  # the kernel takes milliseconds over it; all else went on meanwhile
        for gate in (release, give_leave):
            gate.write(launcher.LEAVE)
            gate.close()
        yield Running(process=process, kill=kill)


def _bound(pid: int, limits: Limits) -> None:
    """Set on the first process while it is alone; all others inherit it."""
    for what, value in (
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.prlimit(pid, what, (value, value))


def _look(
    pid: int, process: subprocess.Popen[bytes], profile: Profile, mounts: Mounts, rules: int | None
) -> None:
    """At the finished mounts, from outside; then Landlock's rules can name them."""
    with _own(inside.root(pid, process)) as root:
        inside.verify(root, profile, mounts)
        if rules is None:
            return
        for path in ("tmp", "dev", str(profile.work).lstrip("/")):
            with _own(inside.open_inside(root, path)) as folder:
                landlock.allow_writing(rules, folder)


@contextmanager
def _told_by(process: subprocess.Popen[bytes]) -> Generator[None]:
    """What bubblewrap wrote before it gave up says more than that it did."""
    try:
        yield
    except (Refused, OSError) as error:
        said = _said(process)
        message = (
            error.message if isinstance(error, Refused) else f"the sandbox could not be checked ({error})"
        )
        raise Refused(f"{message}; {said}" if said else message, fix="meshclaw sandbox explain") from error


def _said(process: subprocess.Popen[bytes]) -> str:
    """Without waiting for more: what is held back inside keeps the stream open."""
    if not process.stderr:
        return ""
    os.set_blocking(process.stderr.fileno(), False)
    return (process.stderr.read() or b"").decode("utf-8", "replace").strip()


def _first(info: FileIO) -> int:
    """The sandbox's first process, by its number outside."""
    told, until = b"", time.monotonic() + inside.START_S
    while not told.rstrip().endswith(b"}"):
        ready = select.select([info], [], [], max(0, until - time.monotonic()))[0]
        part = info.read(4096) if ready else b""
        if not part:
            raise Refused("bubblewrap did not start")
        told += part
    return json.loads(told)["child-pid"]


@contextmanager
def _whole_tree(pid: int, process: subprocess.Popen[bytes]) -> Generator[Callable[[], None]]:
    """A way to kill it all; on the way out it is used, and waited for: the kernel ends a process space as one."""
    with _own(os.pidfd_open(pid)) as first:

        def kill() -> None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(first, signal.SIGKILL)
            process.kill()

        try:
            yield kill
        finally:
            kill()
            if not select.select([first], [], [], _ENDED_S)[0]:
                raise Uncertain("a sandbox did not end when it was killed", fix=f"Look at process {pid}.")


def pump(
    running: Running, profile: Profile, on_output: Callable[[Stream, bytes], None] | None = None,
    over: Callable[[], bool] | None = None,
) -> Finished:  # fmt: skip
    """Read both streams until the command ends, or until time or disk are used up, or ``over``, and it is ended."""
    kept: dict[Stream, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    until, stopped = time.monotonic() + profile.limits.wall_s, ""
    with selectors.DefaultSelector() as selector:
        for name, stream in (("stdout", running.process.stdout), ("stderr", running.process.stderr)):
            selector.register(stream or 0, selectors.EVENT_READ, name)
        while selector.get_map():
            for key, _ in selector.select(_LOOK_S):
                part = os.read(key.fd, 1 << 16)
                if not part:
                    selector.unregister(key.fileobj)
                    continue
                _keep(kept[key.data], part, profile.limits.output_bytes)
                if on_output:
                    on_output(key.data, part)
            stopped = stopped or _used_up(profile, until)
            if stopped or (over is not None and over()) or running.process.poll() is not None:
                running.kill()
    code = running.process.wait()
    return Finished(
        code=code if code >= 0 else 128 - code,
        stdout=bytes(kept["stdout"]), stderr=bytes(kept["stderr"]), stopped=stopped,
    )  # fmt: skip


def _keep(kept: bytearray, part: bytes, most: int) -> None:
    kept += part[: most - len(kept)]


def _used_up(profile: Profile, until: float) -> Stopped:
    if time.monotonic() > until:
        return "time"
    disk = os.statvfs(profile.work)
    return "disk" if disk.f_bavail * disk.f_frsize < profile.limits.free_bytes else ""


def _environment(profile: Profile, egress: Egress | None) -> dict[str, str]:
    own = environment(profile, os.environ)
    return {**own, **egress.environment(inside.PROXY_PORT, CERTIFICATES)} if egress else own


def _files(egress: Egress | None) -> Mapping[str, bytes]:
    certificates = egress.certificates() if egress else b""
    return {**_ETC, **({CERTIFICATES: certificates} if certificates else {})}


def _file(content: bytes) -> FileIO:
    """In memory only, read from its start."""
    file = FileIO(os.memfd_create("meshclaw"), "r+")
    file.write(content)
    file.seek(0)
    return file


def _pipe() -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return FileIO(read), FileIO(write, "w")


@contextmanager
def _own(descriptor: int) -> Generator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
