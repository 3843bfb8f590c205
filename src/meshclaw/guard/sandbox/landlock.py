"""A second wall for writes, inside the first: the kernel's Landlock, where it has it (ABI 1 to 7 known).

The rules are made outside, where the folders can be named without trust in the command, and put on inside by a
launcher, because a process can restrict only itself. Reads are bounded by what is mounted.
Source: linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import struct

from meshclaw.errors import Refused
from meshclaw.guard.sandbox import launcher

_CREATE, _ADD = 444, 445
_VERSION = 1
_PATH_BENEATH = 1
_WRITE_FILE, _REMOVE_AND_MAKE, _REFER, _TRUNCATE = 1 << 1, 0b1_1111_1111 << 4, 1 << 13, 1 << 14
_SCOPES = 0b11
"""No abstract socket and no signal beyond the sandbox."""

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The kernel's version of it; 0 where it has none or it is switched off."""
    return max(0, _libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION))


def available() -> bool:
    return abi() > 0 and os.access(launcher.PERL, os.X_OK)


def ruleset() -> int:
    """A descriptor for rules under which nothing can be written until ``allow_writing`` says where."""
    version = abi()
    attributes = struct.pack("=QQQ", _writes(version), 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    return _checked(_libc.syscall(_CREATE, attributes, ctypes.c_size_t(size), 0))


def allow_writing(rules: int, folder: int) -> None:
    """``folder`` is a descriptor; what is mounted below it counts as below it."""
    rule = struct.pack("=Qi", _writes(abi()), folder)
    _checked(_libc.syscall(_ADD, rules, _PATH_BENEATH, rule, 0))


def _writes(version: int) -> int:
    """Moving between folders (REFER) is refused everywhere unless it is named."""
    wanted = _WRITE_FILE | _REMOVE_AND_MAKE
    wanted |= _REFER if version >= 2 else 0
    return wanted | (_TRUNCATE if version >= 3 else 0)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise Refused(f"Landlock: {os.strerror(error)}", fix="meshclaw sandbox explain")
    return result
