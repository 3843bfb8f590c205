"""Dovecot's ``dovecot-keywords``: which letter of a Maildir file name stands for which keyword.

Format (Dovecot wiki, "MailboxFormat/Maildir"): one line per keyword, ``<number> <name>``, 0 to 25,
for the letters a to z in the info part of the folder's file names.
"""

from __future__ import annotations

import os
import string
import time
from pathlib import Path

from meshclaw.connectors.mail.mailbox.disk import sync_directory, write_all
from meshclaw.errors import Busy, Refused

LETTERS = string.ascii_lowercase
_LOCK_WAIT_S = 5.0


class KeywordTable:
    """One folder's table; read again whenever another program replaced the file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "dovecot-keywords"
        self._signature: tuple[int, int, int] | None = None
        self._names: dict[str, str] = {}

    def names(self, letters: str) -> set[str]:
        """Letters without a name are dropped: nobody knows what they mean."""
        table = self._current()
        return {table[letter] for letter in letters if letter in table}

    def letters(self, names: set[str]) -> str:
        """In alphabetical order, as Maildir wants them; new names are written to the table first."""
        if not names:
            return ""
        known = {name: letter for letter, name in self._current().items()}
        if not names <= known.keys():
            known = self._grow(names)
        return "".join(sorted(known[name] for name in names))

    def _current(self) -> dict[str, str]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._signature, self._names = None, {}
            return self._names
        signature = (found.st_ino, found.st_mtime_ns, found.st_size)
        if signature != self._signature:
            self._names = _parse(self._path.read_text("utf-8", "replace"))
            self._signature = signature
        return self._names

    def _grow(self, names: set[str]) -> dict[str, str]:
        """Dovecot's own dotlock, which is also the new file: written, then renamed over the old one."""
        lock = self._path.with_name("dovecot-keywords.lock")
        fd = _open_lock(lock)
        try:
            table = self._with_new(names)
            write_all(fd, "".join(f"{LETTERS.index(at)} {name}\n" for at, name in table.items()).encode())
            os.fsync(fd)
            lock.replace(self._path)
        except BaseException:
            lock.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        sync_directory(self._path.parent)
        return {name: letter for letter, name in table.items()}

    def _with_new(self, names: set[str]) -> dict[str, str]:
        table = dict(self._current())
        free = [letter for letter in LETTERS if letter not in table]
        new = sorted(names - set(table.values()))
        if len(new) > len(free):
            raise Refused(
                f"{self._path} has no letter left for the keyword {new[len(free)]!r}",
                fix="Remove keywords that nobody uses; a Maildir folder can hold 26.",
            )
        table.update(zip(free, new, strict=False))
        return dict(sorted(table.items()))


def _parse(text: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for line in text.splitlines():
        number, _, name = line.partition(" ")
        if number.isdecimal() and int(number) < len(LETTERS) and name:
            table[LETTERS[int(number)]] = name
    return table


def _open_lock(path: Path) -> int:
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if time.monotonic() > deadline:
                raise Busy(
                    f"{path} is held by another mail program",
                    fix="Try again; delete that file if no mail program is running.",
                ) from None
            time.sleep(0.05)
