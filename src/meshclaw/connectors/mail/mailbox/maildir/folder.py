"""One folder of a Maildir: its files by the unique base of their names.

Format: https://cr.yp.to/proto/maildir.html; a name is ``base:2,flags``, capitals for the standard
flags, small letters for Dovecot's keywords. The base never changes; every rename keeps it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Set as AbstractSet
from itertools import count
from pathlib import Path

from meshclaw.connectors.mail.mailbox.base import Entry
from meshclaw.connectors.mail.mailbox.disk import sync_directory, write_all
from meshclaw.connectors.mail.mailbox.keywords import labels_of
from meshclaw.connectors.mail.mailbox.maildir.keywords import LETTERS, KeywordTable

_INFO = ":2,"
_PLACES = ("new", "cur")
_RACY_NS = 50_000_000
"""A directory changed this shortly before it was listed may change again within the same time stamp."""
_deliveries = count(1)


class MaildirFolder:
    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self._keywords = KeywordTable(path)
        self._files: dict[str, str] | None = None
        self._listed: tuple[int, ...] | None = None

    def scan(self) -> list[os.DirEntry[str]]:
        """Read both directories; ``cur`` last, so that a file another program moves there is seen once."""
        self._listed = self._settled_signature()
        found: dict[str, tuple[str, os.DirEntry[str]]] = {}
        for place in _PLACES:
            with os.scandir(self.path / place) as items:
                for item in items:
                    # A link could lead a reader out of the mailbox.
                    if item.name[0] != "." and item.is_file(follow_symlinks=False):
                        found[item.name.partition(_INFO)[0]] = (place, item)
        self._files = {base: f"{place}/{item.name}" for base, (place, item) in found.items()}
        return [item for _, item in found.values()]

    def entry(self, item: os.DirEntry[str]) -> Entry | None:
        """None where the file went away since the scan."""
        base, _, flags = item.name.partition(_INFO)
        try:
            found = item.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        letters = flags.strip("DFPRST")
        return Entry(
            folder=self.name,
            ref=base,
            size=found.st_size,
            received=found.st_mtime,
            seen="S" in flags,
            answered="R" in flags,
            flagged="F" in flags,
            draft="D" in flags,
            labels=labels_of(self._keywords.names(letters)) if letters else frozenset(),
        )

    def locate(self, ref: str, *, again: bool = False) -> str | None:
        """The file below ``path``, from memory; ``again`` looks at the disk first."""
        if again or self._files is None:
            self.scan()
        return (self._files or {}).get(ref)

    def has(self, ref: str) -> bool:
        """Whether the file lies where it was last seen; one look at it instead of one at the whole folder."""
        file = self.locate(ref)
        return file is not None and os.path.exists(f"{self.path}/{file}")  # noqa: PTH110 (as above)

    def rename(self, ref: str, file: str, target: MaildirFolder, flags: str) -> None:
        """Raises FileNotFoundError where ``file`` has been renamed or removed by somebody else."""
        new = f"cur/{ref}{_INFO}{flags}"
        if target is self and new == file:
            return
        os.rename(f"{self.path}/{file}", f"{target.path}/{new}")  # noqa: PTH104 (500 of them, each in 10 us)
        self._forget(ref)
        target.remember(ref, new)

    def flags_for(
        self, file: str, target: MaildirFolder, add: AbstractSet[str], remove: AbstractSet[str]
    ) -> str:
        """The flags ``file`` gets in ``target``, whose table may give the same keyword another letter."""
        flags = file.partition(_INFO)[2]
        letters = "".join(letter for letter in flags if letter in LETTERS)
        if target is self and not add and not remove:
            return flags
        names = (self._keywords.names(letters) if letters else set[str]()) - remove | set(add)
        standard = "".join(sorted(flag for flag in flags if flag not in LETTERS))
        return standard + target._keywords.letters(names)

    def store(self, raw: bytes, flags: str, place: str) -> str:
        """Write to ``tmp``, then rename: a reader sees the whole message or none. Returns the base."""
        base = _unique_name()
        tmp = self.path / "tmp" / base
        new = f"{place}/{base}{_INFO}{flags}" if place == "cur" else f"{place}/{base}"
        try:
            _write(tmp, raw)
            tmp.rename(self.path / new)
        except BaseException:
            tmp.unlink(missing_ok=True)
            raise
        sync_directory(self.path / place)
        self.remember(base, new)
        return base

    @property
    def current(self) -> str:
        """The directory that every rename leads to."""
        return f"{self.path}/cur"

    def directory_of(self, file: str) -> str:
        return f"{self.path}/{file.partition('/')[0]}"

    def changed_since_listed(self) -> bool:
        return self._listed is None or self._listed != self._signature()

    def remember(self, ref: str, file: str) -> None:
        if self._files is not None:
            self._files[ref] = file

    def _forget(self, ref: str) -> None:
        if self._files is not None:
            self._files.pop(ref, None)

    def _signature(self) -> tuple[int, ...]:
        # A string path: this runs every two seconds for as long as the claw lives.
        return tuple(os.stat(f"{self.path}/{place}").st_mtime_ns for place in _PLACES)  # noqa: PTH116

    def _settled_signature(self) -> tuple[int, ...] | None:
        found = self._signature()
        return found if max(found) < time.time_ns() - _RACY_NS else None


def _write(path: Path, raw: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(fd, raw)
        os.fsync(fd)
    finally:
        os.close(fd)


def _unique_name() -> str:
    """Seconds, microseconds, process, count, host: the modern form of the Maildir page."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    host = os.uname().nodename.replace("/", r"\057").replace(":", r"\072")
    return f"{seconds}.M{rest // 1000}P{os.getpid()}Q{next(_deliveries)}.{host}"
