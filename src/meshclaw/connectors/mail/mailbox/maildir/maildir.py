"""A Maildir with Maildir++ subfolders, as Dovecot and Courier keep it: INBOX is the top, ``.Bulk`` in it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from meshclaw.connectors.mail.mailbox.base import INBOX, Changes, Entry, Labelling, Relocation
from meshclaw.connectors.mail.mailbox.disk import on_disk, read_file, sync_directory
from meshclaw.connectors.mail.mailbox.folder_names import maildir_directory, maildir_name
from meshclaw.connectors.mail.mailbox.keywords import keyword
from meshclaw.connectors.mail.mailbox.lock import Lock
from meshclaw.connectors.mail.mailbox.maildir.folder import MaildirFolder
from meshclaw.connectors.mail.mailbox.proof import is_wanted
from meshclaw.errors import NotFound, Refused, UserError
from meshclaw.flow.message import MAX_READ

POLL_S = 2.0
_HEAD = 256 * 1024
"""Bytes in which a Message-ID must appear; longer headers are no mail anybody sends."""


class Maildir:
    """``changing=False`` reads without taking the lock; every change is then refused."""

    def __init__(self, path: Path, *, create_folders: bool = True, changing: bool = True) -> None:
        self.address = f"maildir:{path}"
        self._path = path.resolve()
        self._create_folders = create_folders
        self._folders: dict[str, MaildirFolder] = {}
        self._closed = threading.Event()
        self._check()
        self._lock = Lock(self._path / ".meshclaw.lock", self.address) if changing else None

    def folders(self) -> tuple[str, ...]:
        with on_disk(self.address), os.scandir(self._path) as items:
            found = [item.name for item in items if item.name.startswith(".") and _is_maildir(item)]
        return (INBOX, *sorted(filter(None, map(maildir_name, found))))

    def entries(self, folder: str) -> Iterator[Entry]:
        place = self._folder(folder)
        with on_disk(self.address):
            items = place.scan()
        for item in items:
            entry = place.entry(item)
            if entry is not None:
                yield entry

    def read(self, folder: str, ref: str, limit: int) -> bytes:
        raw = self._read(self._folder(folder), ref, limit)
        if raw is None:
            raise _gone(self.address, folder, ref)
        return raw

    def read_many(self, folder: str, refs: Sequence[str], limit: int) -> Iterator[tuple[str, bytes]]:
        place = self._folder(folder)
        for ref in refs:
            raw = self._read(place, ref, limit)
            if raw is not None:
                yield ref, raw

    def label(self, folder: str, ref: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        if self.label_many([Labelling(folder=folder, ref=ref, add=tuple(add), remove=tuple(remove))]) == [
            False
        ]:
            raise _gone(self.address, folder, ref)

    def label_many(self, labellings: Sequence[Labelling]) -> list[bool]:
        self._check_changing()
        touched: set[str] = set()
        with on_disk(self.address):
            done = [self._label_one(labelling, touched) for labelling in labellings]
            _sync(touched)
        return done

    def move(self, moves: Sequence[Relocation]) -> list[str | None]:
        self._check_changing()
        touched: set[str] = set()
        with on_disk(self.address):
            refs = [self._move_one(move, touched) for move in moves]
            _sync(touched)
        return refs

    def append(self, folder: str, raw: bytes, *, draft: bool = False, seen: bool = True) -> str:
        self._check_changing()
        flags = "D" * draft + "S" * seen
        with on_disk(self.address):
            return self._target(folder).store(raw, flags, "cur" if flags else "new")

    def find(self, folder: str, *, message_id: str, digest: str) -> str | None:
        place = self._folder(folder)
        with on_disk(self.address):
            newest_first = sorted((item.name for item in place.scan()), reverse=True)
        for name in newest_first:
            ref = name.partition(":2,")[0]
            if message_id and message_id.strip("<> ").encode() not in (self._read(place, ref, _HEAD) or b""):
                continue
            raw = self._read(place, ref, MAX_READ)
            if raw is not None and is_wanted(raw, message_id=message_id, digest=digest):
                return ref
        return None

    def claim(self, folder: str, refs: Sequence[str], *, by: str) -> tuple[str, ...]:  # noqa: ARG002
        """The lock already keeps every other claw out."""
        self._check_changing()
        place = self._folder(folder)
        with on_disk(self.address):
            if not all(map(place.has, refs)):
                place.scan()
            return tuple(ref for ref in refs if place.locate(ref))

    def changes(self, folder: str, state: str) -> Changes:  # noqa: ARG002
        """Listing costs less here than any bookkeeping would."""
        return Changes(state="", entries=tuple(self.entries(folder)), complete=True)

    def wait(self, folder: str, timeout_s: float) -> bool:
        place = self._folder(folder)
        deadline = time.monotonic() + timeout_s
        with on_disk(self.address):
            while not place.changed_since_listed():
                left = deadline - time.monotonic()
                if left <= 0 or self._closed.wait(min(POLL_S, left)):
                    return False
        return True

    def close(self) -> None:
        self._closed.set()
        if self._lock:
            self._lock.release()

    def _move_one(self, move: Relocation, touched: set[str]) -> str | None:
        source = self._folder(move.folder)
        target = self._target(move.to)
        for again in (False, True):
            file = source.locate(move.ref, again=again)
            if file and source is target:
                return move.ref
            if file and self._rename(source, move.ref, file, target):
                touched |= {source.directory_of(file), target.current}
                return move.ref
        return move.ref if target.locate(move.ref, again=True) else None

    def _label_one(self, labelling: Labelling, touched: set[str]) -> bool:
        folder = self._folder(labelling.folder)
        add, remove = set(map(keyword, labelling.add)), set(map(keyword, labelling.remove))
        for again in (False, True):
            file = folder.locate(labelling.ref, again=again)
            if file and self._rename(folder, labelling.ref, file, folder, add=add, remove=remove):
                touched |= {folder.directory_of(file), folder.current}
                return True
        return False

    def _rename(
        self,
        source: MaildirFolder,
        ref: str,
        file: str,
        target: MaildirFolder,
        *,
        add: AbstractSet[str] = frozenset(),
        remove: AbstractSet[str] = frozenset(),
    ) -> bool:
        if target is not source and target.locate(ref) and target.locate(ref, again=True):
            raise Refused(
                f"{self.address}: {ref!r} is in {source.name!r} and in {target.name!r}",
                fix="Another program copied the file; delete or rename one of the two.",
            )
        flags = source.flags_for(file, target, add, remove)
        try:
            source.rename(ref, file, target, flags)
        except FileNotFoundError:
            return False
        return True

    def _read(self, folder: MaildirFolder, ref: str, limit: int) -> bytes | None:
        for again in (False, True):
            with on_disk(self.address), suppress(FileNotFoundError):
                file = folder.locate(ref, again=again)
                if file:
                    return read_file(f"{folder.path}/{file}", limit)
        return None

    def _folder(self, name: str) -> MaildirFolder:
        known = self._folders.get(name)
        if known is None:
            path = self._path / maildir_directory(name)
            if not (path / "cur").is_dir():
                raise NotFound(
                    f"{self.address} has no folder {name!r}", fix=f"It has: {', '.join(self.folders())}."
                )
            known = self._folders[name] = MaildirFolder(name, path)
        return known

    def _target(self, name: str) -> MaildirFolder:
        if name in self._folders:
            return self._folders[name]
        path = self._path / maildir_directory(name)
        if self._create_folders and not (path / "cur").is_dir():
            # ``cur`` last: a folder exists for us only when it is whole.
            for place in ("tmp", "new", "cur"):
                (path / place).mkdir(mode=0o700, parents=True, exist_ok=True)
            (path / "maildirfolder").touch(mode=0o600)
            sync_directory(path)
            sync_directory(self._path)
        return self._folder(name)

    def _check(self) -> None:
        if not self._path.is_dir():
            raise NotFound(
                f"{self.address} does not exist", fix="Check the path, or create the Maildir first."
            )
        missing = [place for place in ("cur", "new", "tmp") if not (self._path / place).is_dir()]
        if missing:
            raise UserError(
                f"{self.address} is not a Maildir: it has no {', '.join(missing)} in it",
                fix="Name the directory that holds cur, new and tmp.",
            )

    def _check_changing(self) -> None:
        if self._lock is None:
            raise UserError(f"{self.address} is open for reading only", fix="Open it for changes.")


def _is_maildir(item: os.DirEntry[str]) -> bool:
    return item.is_dir() and (Path(item.path) / "cur").is_dir()


def _sync(directories: set[str]) -> None:
    for directory in directories:
        sync_directory(directory)


def _gone(address: str, folder: str, ref: str) -> NotFound:
    return NotFound(
        f"{address}: no message {ref!r} in {folder!r}", fix="List the folder again; it was moved or deleted."
    )
