"""The system calls that a sandboxed command does not get, as a classic BPF program for ``bwrap --seccomp``.

Another architecture than the machine's own (32-bit calls on x86-64, x32) kills the process, because numbers mean
something else there. Sources: linux/seccomp.h, linux/filter.h, asm/unistd_64.h, asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable, Mapping
from functools import cache

import msgspec

from meshclaw.errors import Refused

# BPF operations: load a word at an offset, AND, jump if equal / at least / any bit set, return.
_LOAD, _AND, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
# Offsets in struct seccomp_data; arguments are 64 bits, little endian: the low half comes first.
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_DENY = 0x00050000 | errno.EPERM
_UNKNOWN = 0x00050000 | errno.ENOSYS  # makes libc use clone, whose flags can be seen

_X32 = 0x40000000
_NEW_NAMESPACE = 0x7E020080
"""CLONE_NEWUSER, NEWNS, NEWNET, NEWPID, NEWIPC, NEWUTS, NEWCGROUP and NEWTIME."""
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE = 1, 5, 0xF
_INJECTS_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX type into the terminal of whoever started the command."""

# x86-64 and aarch64; None where the architecture has no such call.
_DENIED: Mapping[str, tuple[int | None, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "chroot": (161, 51),
    "clock_adjtime": (305, 266), "clock_settime": (227, 112), "delete_module": (176, 106),
    "fanotify_init": (300, 262), "finit_module": (313, 273), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fsopen": (430, 430), "fspick": (433, 433), "init_module": (175, 105), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioperm": (173, None), "iopl": (172, None),
    "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219),
    "lookup_dcookie": (212, 18), "mbind": (237, 235), "migrate_pages": (256, 238), "modify_ldt": (154, None),
    "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239),
    "name_to_handle_at": (303, 264), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265),
    "open_tree": (428, 428), "open_tree_attr": (467, 467), "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438), "pivot_root": (155, 41), "process_madvise": (440, 440),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218),
    "set_mempolicy": (238, 237), "set_mempolicy_home_node": (450, 450), "setdomainname": (171, 162),
    "sethostname": (170, 161), "setns": (308, 268), "settimeofday": (164, 170), "swapoff": (168, 225),
    "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97),
    "userfaultfd": (323, 282), "uselib": (134, None), "vhangup": (153, 58),
}  # fmt: skip


class Architecture(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between machines: the AUDIT_ARCH constant and the numbers of calls that need a closer look."""

    audit: int
    column: int
    """Place in ``_DENIED``."""
    clone: int
    clone3: int = 435
    socket: int
    socketpair: int
    ioctl: int


ARCHITECTURES = {
    "x86_64": Architecture(
        audit=0xC000003E, column=0, clone=56, socket=41, socketpair=53, ioctl=16
    ),
    "aarch64": Architecture(
        audit=0xC00000B7, column=1, clone=220, socket=198, socketpair=199, ioctl=29
    ),
}  # fmt: skip


def architecture(machine: str = "") -> Architecture:
    """This machine's, or ``machine``'s as ``uname -m`` names it. Raises Refused for one that has no filter yet."""
    name = machine or platform.machine()
    found = ARCHITECTURES.get(name)
    if found is None:
        raise Refused(
            f"there is no system call filter for {name!r}",
            fix=f"Sandboxes run on {', '.join(ARCHITECTURES)}.",
        )
    return found


@cache
def program(machine: str = "") -> bytes:
    """The filter: array of ``struct sock_filter``, at most 4096 of them."""
    arch = architecture(machine)
    return b"".join(
        [
            _op(_LOAD, _ARCH),
            *_unless(_EQUAL, arch.audit, _KILL),
            _op(_LOAD, _NUMBER),
            *(_when(_AT_LEAST, _X32, _KILL) if arch.column == 0 else ()),
            *_denied(arch),
            *_when(_EQUAL, arch.clone3, _UNKNOWN),
            *_call(arch.clone, [*_argument(0), *_when(_ANY_BIT, _NEW_NAMESPACE, _DENY)]),
            *_call(arch.socket, [*_argument(0), *_only((_AF_INET, _AF_INET6))]),
            *_call(arch.socketpair, _pairs()),
            *_call(
                arch.ioctl, [*_argument(1), *(op for n in _INJECTS_INPUT for op in _when(_EQUAL, n, _DENY))]
            ),
            _op(_RETURN, _ALLOW),
        ]
    )


def _denied(arch: Architecture) -> Iterable[bytes]:
    for numbers in _DENIED.values():
        number = numbers[arch.column]
        if number is not None:
            yield from _when(_EQUAL, number, _DENY)


def _pairs() -> list[bytes]:
    """Pairs that stay connected for ever: a pair of datagram sockets could be pointed at a socket file later."""
    return [
        *_argument(0),
        *_unless(_EQUAL, _AF_UNIX, _DENY),
        *_argument(1),
        _op(_AND, _SOCK_TYPE),
        *_only((_SOCK_STREAM, _SOCK_SEQPACKET)),
    ]


def _call(number: int, body: list[bytes]) -> list[bytes]:
    """``body`` for one call, which then is allowed; everything else goes on behind it."""
    body = [*body, _op(_RETURN, _ALLOW)]
    return [_op(_EQUAL, number, no=len(body)), *body]


def _argument(index: int) -> list[bytes]:
    """The low half: each argument looked at here is an int for the kernel too."""
    return [_op(_LOAD, _ARGUMENTS + 8 * index)]


def _only(values: tuple[int, ...]) -> list[bytes]:
    return [
        *(op for value in values for op in _when(_EQUAL, value, _ALLOW)),
        _op(_RETURN, _DENY),
    ]


def _when(test: int, value: int, answer: int) -> list[bytes]:
    return [_op(test, value, no=1), _op(_RETURN, answer)]


def _unless(test: int, value: int, answer: int) -> list[bytes]:
    return [_op(test, value, yes=1), _op(_RETURN, answer)]


def _op(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """``struct sock_filter``: operation, jump when true, jump when false, operand."""
    return struct.pack("=HBBI", code, yes, no, value)


def numbers(names: Iterable[str], machine: str = "") -> dict[str, int]:
    """Call numbers by name, ``clone`` always among them, for whoever tries whether the filter holds."""
    arch = architecture(machine)
    found = {name: _DENIED[name][arch.column] for name in names}
    return {"clone": arch.clone, **{name: number for name, number in found.items() if number is not None}}
