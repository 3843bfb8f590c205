"""Whose connection it is: the kernel knows, whatever the other side sends."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
GONE = {"06", "07"}
"""TIME_WAIT and CLOSE: nobody is there any more, and no owner is told."""
TELLS = sys.platform.startswith("linux")
"""Elsewhere the system does not say, and the session's cookie alone counts."""


def owner(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """The user of the process at ``peer``, an IPv4 address and port; None where there is no such connection."""
    ends = [{f"{before}{_hex(end)}" for before in ("", MAPPED)} for end in (peer, own)]
    for table in TABLES:
        try:
            lines = Path(table).read_text("ascii").splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        for line in lines:
            _, local, remote, state, *_, uid = line.split(maxsplit=8)[:8]
            if local in ends[0] and remote in ends[1] and state not in GONE:
                return int(uid)
    return None


def is_own(peer: tuple[str, int], own: tuple[str, int]) -> bool:
    """Whether whoever runs this process, or root, who can do everything anyway, is on the other side."""
    return not TELLS or owner(peer, own) in (os.getuid(), 0)


MAPPED = "0000000000000000FFFF0000"
"""What stands before an IPv4 address in the table of IPv6."""


def _hex(end: tuple[str, int]) -> str:
    """As the kernel writes it: each word of the address in the machine's own byte order."""
    word = int.from_bytes(socket.inet_aton(end[0]), sys.byteorder)
    return f"{word:08X}:{end[1]:04X}"
