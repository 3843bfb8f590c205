"""One claw per mailbox: an exclusive flock, so that a crash can never leave it locked."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from meshclaw.connectors.mail.mailbox.disk import on_disk
from meshclaw.errors import Busy


class Lock:
    """Held from construction to ``release``; the file stays behind, empty of meaning."""

    def __init__(self, path: Path, address: str) -> None:
        with on_disk(address):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(address)
        except BaseException:
            self.release()
            raise

    def _take(self, address: str) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise Busy(
                f"{address} is in use by another claw (process {holder})",
                fix=f"Wait for process {holder} to finish, or stop it, and try again.",
            ) from None
        with on_disk(address):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
