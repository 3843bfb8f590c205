"""An mbox: INBOX is the file itself, the folder ``Bulk`` its sibling ``PATH.Bulk``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from meshclaw.connectors.mail.mailbox.base import INBOX, Changes, Entry, Labelling, Relocation
from meshclaw.connectors.mail.mailbox.disk import on_disk, sync_directory
from meshclaw.connectors.mail.mailbox.folder_names import check_folder_name
from meshclaw.connectors.mail.mailbox.keywords import keyword, labels_of
from meshclaw.connectors.mail.mailbox.lock import Lock
from meshclaw.connectors.mail.mailbox.mbox.file import (
    Mail,
    MboxFile,
    as_stored,
    canonical,
    ref_of,
    with_keywords,
)
from meshclaw.connectors.mail.mailbox.proof import is_wanted
from meshclaw.errors import NotFound, UserError

POLL_S = 2.0


class Mbox:
    """``changing=False`` reads without taking the claw's lock; every change is then refused."""

    def __init__(self, path: Path, *, create_folders: bool = True, changing: bool = True) -> None:
        self.address = f"mbox:{path}"
        # The file behind a link: renaming over the link would leave the real mailbox as it was.
        self._path = path.resolve()
        self._create_folders = create_folders
        self._files: dict[str, MboxFile] = {}
        self._closed = threading.Event()
        self._check()
        lock = self._path.with_name(self._path.name + ".meshclaw.lock")
        self._lock = Lock(lock, self.address) if changing else None

    def folders(self) -> tuple[str, ...]:
        prefix = self._path.name + "."
        with on_disk(self.address):
            beside = [item.name for item in self._path.parent.iterdir() if _is_mbox(item, prefix)]
        return (INBOX, *sorted(name.removeprefix(prefix) for name in beside))

    def entries(self, folder: str) -> Iterator[Entry]:
        with on_disk(self.address):
            mails = list(self._file(folder).mails().values())
        return (_entry(folder, mail) for mail in mails)

    def read(self, folder: str, ref: str, limit: int) -> bytes:
        for _, raw in self.read_many(folder, [ref], limit):
            return raw
        raise self._gone(folder, ref)

    def read_many(self, folder: str, refs: Sequence[str], limit: int) -> Iterator[tuple[str, bytes]]:
        with on_disk(self.address):
            for ref, raw in self._file(folder).raw(list(refs)):
                yield ref, canonical(raw)[:limit]

    def label(self, folder: str, ref: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        if self.label_many([Labelling(folder=folder, ref=ref, add=tuple(add), remove=tuple(remove))]) == [
            False
        ]:
            raise self._gone(folder, ref)

    def label_many(self, labellings: Sequence[Labelling]) -> list[bool]:
        self._check_changing()
        done: list[bool] = []
        with on_disk(self.address):
            for folder, group in groupby(labellings, key=lambda labelling: labelling.folder):
                done += self._label_in(self._file(folder), list(group))
        return done

    def move(self, moves: Sequence[Relocation]) -> list[str | None]:
        """Each file is rewritten once, however many messages leave it."""
        self._check_changing()
        refs: list[str | None] = []
        with on_disk(self.address):
            for (folder, to), group in groupby(moves, key=lambda move: (move.folder, move.to)):
                refs += self._move_between(folder, to, [move.ref for move in group])
        return refs

    def append(self, folder: str, raw: bytes, *, draft: bool = False, seen: bool = True) -> str:
        self._check_changing()
        with on_disk(self.address):
            file = self._target(folder)
            stored = as_stored(raw, "RO" * seen + "T" * draft)
            file.add([stored])
            digest = ref_of(stored)
            # The last copy, should the file hold the same bytes more than once.
            return [ref for ref in file.mails() if ref.startswith(digest)][-1]

    def find(self, folder: str, *, message_id: str, digest: str) -> str | None:
        with on_disk(self.address):
            file = self._file(folder)
            for ref, raw in file.raw(list(file.mails())):
                if is_wanted(canonical(raw), message_id=message_id, digest=digest):
                    return ref
        return None

    def claim(self, folder: str, refs: Sequence[str], *, by: str) -> tuple[str, ...]:  # noqa: ARG002
        """The lock already keeps every other claw out."""
        self._check_changing()
        with on_disk(self.address):
            mails = self._file(folder).mails()
        return tuple(ref for ref in refs if ref in mails)

    def changes(self, folder: str, state: str) -> Changes:  # noqa: ARG002
        return Changes(state="", entries=tuple(self.entries(folder)), complete=True)

    def wait(self, folder: str, timeout_s: float) -> bool:
        file = self._file(folder)
        deadline = time.monotonic() + timeout_s
        with on_disk(self.address):
            while file.signature() == file.listed():
                left = deadline - time.monotonic()
                if left <= 0 or self._closed.wait(min(POLL_S, left)):
                    return False
        return True

    def close(self) -> None:
        self._closed.set()
        if self._lock:
            self._lock.release()

    def _label_in(self, file: MboxFile, labellings: list[Labelling]) -> list[bool]:
        mails = file.mails()
        wanted: dict[str, frozenset[str]] = {}
        for labelling in labellings:
            mail = mails.get(labelling.ref)
            if mail:
                before = wanted.get(mail.ref, mail.keywords)
                wanted[mail.ref] = before - set(map(keyword, labelling.remove)) | set(
                    map(keyword, labelling.add)
                )
        if any(words != mails[ref].keywords for ref, words in wanted.items()):
            file.rewrite(lambda ref, raw: with_keywords(raw, wanted[ref]) if ref in wanted else raw)
        return [labelling.ref in mails for labelling in labellings]

    def _move_between(self, folder: str, to: str, refs: list[str]) -> list[str | None]:
        """Append, then delete. After a crash in between the target has the digest, and only the delete is due.

        A byte-identical message that is already in the target therefore counts as this one.
        """
        source, target = self._file(folder), self._target(to)
        here, there = source.mails(), target.mails()
        if source is target:
            return [ref if ref in here else None for ref in refs]
        leaving = {ref: raw for ref, raw in source.raw(refs) if ref not in there}
        if leaving:
            target.add(list(leaving.values()))
        done = here.keys() & set(refs)
        if done:
            source.rewrite(lambda ref, raw: None if ref in done else raw)
        arrived = target.mails()
        return [ref if ref in arrived else None for ref in refs]

    def _file(self, folder: str) -> MboxFile:
        if folder not in self._files:
            path = self._path_of(folder)
            if not path.is_file():
                raise NotFound(
                    f"{self.address} has no folder {folder!r}", fix=f"It has: {', '.join(self.folders())}."
                )
            self._files[folder] = MboxFile(path)
        return self._files[folder]

    def _target(self, folder: str) -> MboxFile:
        path = self._path_of(folder)
        if self._create_folders and not path.exists():
            path.touch(mode=0o600)
            sync_directory(path.parent)
        return self._file(folder)

    def _path_of(self, folder: str) -> Path:
        if folder == INBOX:
            return self._path
        if "/" in check_folder_name(folder) or folder.endswith("lock"):
            raise UserError(
                f"{folder!r} cannot be an mbox folder: folders are files beside {self._path.name}",
                fix="Use a name without slashes that does not end in 'lock'.",
            )
        return self._path.with_name(f"{self._path.name}.{folder}")

    def _check(self) -> None:
        if not self._path.exists():
            raise NotFound(
                f"{self.address} does not exist", fix="Check the path, or create an empty file there."
            )
        if not self._path.is_file():
            raise UserError(f"{self.address} is not a file", fix="For a directory of mails use maildir:PATH.")
        with on_disk(self.address), self._path.open("rb") as file:
            if file.read(5) not in {b"", b"From "}:
                raise UserError(
                    f"{self.address} is not an mbox: it does not start with 'From '",
                    fix="Name the file that holds the mails.",
                )

    def _check_changing(self) -> None:
        if self._lock is None:
            raise UserError(f"{self.address} is open for reading only", fix="Open it for changes.")

    def _gone(self, folder: str, ref: str) -> NotFound:
        return NotFound(
            f"{self.address}: no message {ref!r} in {folder!r}",
            fix="List the folder again; it was moved or deleted.",
        )


def _entry(folder: str, mail: Mail) -> Entry:
    return Entry(
        folder=folder,
        ref=mail.ref,
        size=mail.stop - mail.start,
        received=mail.received,
        seen="R" in mail.flags,
        answered="A" in mail.flags,
        flagged="F" in mail.flags,
        draft="T" in mail.flags,
        labels=labels_of(mail.keywords),
    )


def _is_mbox(path: Path, prefix: str) -> bool:
    if not path.name.startswith(prefix) or path.name.endswith("lock") or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(5) in {b"", b"From "}
