"""Looking into a sandbox that is built and still held back: is it what was asked for, and a listener in its network.

All of it from outside, through /proc/PID, so that nothing of ours has to run inside.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import time
import warnings
from array import array
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from meshclaw.errors import Refused
from meshclaw.guard.sandbox.profile import Mounts, Profile
from meshclaw.guard.sandbox.protect import open_beneath

PROXY_PORT = 3128
START_S = 10.0
_LOOK_S = 0.0003
_OWNER_OF = 0xB701
"""NS_GET_USERNS: the user namespace that owns a namespace (ioctl_ns(2))."""
_FREE_BIND = 15
"""IP_FREEBIND (ip(7)), which Python names from 3.14 on."""
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def root(pid: int, process: subprocess.Popen[bytes]) -> int:
    """The root folder of ``pid`` once bubblewrap has built it: making it read-only is its last step."""
    ours, until = Path("/").stat(), time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            found = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_CLOEXEC)
        except OSError:
            break
        if os.fstat(found).st_dev != ours.st_dev and _sealed(found):
            return found
        os.close(found)
        time.sleep(_LOOK_S)
    raise Refused("bubblewrap did not build the sandbox", fix="meshclaw sandbox explain")


def verify(root: int, profile: Profile, mounts: Mounts) -> None:
    """Raise Refused unless every mount is where and how it was asked for: a link swapped in time would show here."""
    work = str(profile.work).lstrip("/")
    place = open_inside(root, work)
    try:
        if not os.path.samestat(os.fstat(place), profile.work.stat()):
            raise Refused(f"another folder was mounted as {str(profile.work)!r}")
        for path in mounts.held:
            os.close(open_inside(place, path))
        for path in mounts.sealed:
            _check_sealed(place, path)
    finally:
        os.close(place)
    for path in ("usr", *(str(one).lstrip("/") for one in profile.read_only)):
        _check_sealed(root, path)


def _check_sealed(folder: int, path: str) -> None:
    found = open_inside(folder, path)
    sealed = _sealed(found)
    os.close(found)
    if not sealed:
        raise Refused(f"{path!r} was not sealed against writing")


def open_inside(folder: int, path: str) -> int:
    """No link is followed. Raises Refused where nothing is there."""
    found = open_beneath(folder, path)
    if found is None:
        raise Refused(f"{path!r} was not mounted")
    return found


def _sealed(descriptor: int) -> bool:
    return bool(os.statvfs(descriptor).f_flag & os.ST_RDONLY)


@contextmanager
def listening(pid: int) -> Generator[Callable[[], socket.socket]]:
    """A socket that listens on 127.0.0.1 in the network of ``pid`` and is ours: the sandbox's only way out.

    A network is entered by a process of its own, because entering its owner's user namespace is for ever. It works
    while others do; the call waits for it, and raises Refused where it failed.
    """
    ours, theirs = socket.socketpair()
    ours.settimeout(START_S)
    with ours:
        with theirs, warnings.catch_warnings():
            # Python 3.12 warns where threads run. This child makes a few system calls and ends.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
            if child == 0:
                _hand_over(pid, theirs)
        try:
            yield lambda: _taken(ours)
        finally:
            os.kill(child, signal.SIGKILL)  # it has ended long ago, or hangs
            os.waitpid(child, 0)


def _taken(ours: socket.socket) -> socket.socket:
    told, descriptors, _, _ = socket.recv_fds(ours, 200, 1)
    if not descriptors:
        raise Refused(f"the sandbox got no way out: {told.decode('utf-8', 'replace')}")
    return socket.socket(fileno=descriptors[0])


def _hand_over(pid: int, to: socket.socket) -> None:
    """In the child; never returns."""
    try:
        network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        owner = fcntl.ioctl(network, _OWNER_OF)
        for namespace, kind in ((owner, _NEW_USER), (network, _NEW_NET)):
            if _libc.setns(namespace, kind):
                raise OSError(ctypes.get_errno(), "setns")  # noqa: TRY301
        listener = socket.socket()
        listener.setsockopt(socket.IPPROTO_IP, _FREE_BIND, 1)  # the interface may still be down
        listener.bind(("127.0.0.1", PROXY_PORT))
        listener.listen(128)
        rights = array("i", [listener.fileno()])
        to.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    except BaseException as error:  # noqa: BLE001 (nothing may unwind into the parent's code)
        to.send(repr(error).encode()[:200])
    finally:
        os._exit(0)
