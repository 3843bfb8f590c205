"""One mbox file: where its messages are, and rewriting it without losing one.

Format: RFC 4155 with mboxrd quoting (``>From `` gets one more ``>``). Flags are the lines mail readers
keep in it: Status, X-Status and X-Keywords. Locks are the standard library's: fcntl and ``PATH.lock``.

What the standard library's own ``flush`` and ``__setitem__`` do is not used: a changed message is first
appended as a second copy, the new file takes root's ownership, and the directory is never synced.
"""

from __future__ import annotations

import calendar
import contextlib
import hashlib
import mailbox
import os
import re
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from meshclaw.connectors.mail.mailbox.disk import sync_directory
from meshclaw.errors import Busy, UserError

LOCK_WAIT_S = 10.0
_STALE_LOCK_S = 120
"""Dovecot's ``mbox_dotlock_change_timeout``: an older ``PATH.lock`` belongs to a program that died."""
_REWRITTEN = re.compile(
    rb"(?:status|x-status|x-keywords|content-length|x-imap[a-z-]*|x-uid)[ \t]*:", re.IGNORECASE
)


Change = Callable[[str, bytes], bytes | None]


class Mail(NamedTuple):
    start: int
    stop: int
    """Byte offsets of the whole message in the file, with its From line and the empty line after it."""
    ref: str
    flags: str
    """Status and X-Status together: R seen, A answered, F flagged, T draft."""
    keywords: frozenset[str]
    received: float


class MboxFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._mails: dict[str, Mail] = {}
        self._signature: tuple[int, ...] = ()

    def mails(self) -> dict[str, Mail]:
        """By ref, in the order of the file; read again only when the file changed."""
        if self.signature() != self._signature:
            with self._open_locked() as file:
                self._index(file)
        return self._mails

    def signature(self) -> tuple[int, ...]:
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def listed(self) -> tuple[int, ...]:
        return self._signature

    def raw(self, refs: list[str]) -> Iterator[tuple[str, bytes]]:
        """(ref, bytes as they lie in the file) for the refs that are there."""
        mails = self.mails()
        with self.path.open("rb") as file:
            for mail in filter(None, map(mails.get, refs)):
                file.seek(mail.start)
                yield mail.ref, file.read(mail.stop - mail.start)

    def add(self, raws: list[bytes]) -> None:
        """Append under the lock; durable when it returns, and cut off again where it fails half-way."""
        with self._open_locked() as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - 2, 0))
            gap = b"" if end == 0 else _blank_line_after(file.read())
            try:
                file.seek(end)
                file.write(gap + b"".join(raw + _blank_line_after(raw) for raw in raws))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise

    def rewrite(self, change: Change) -> None:
        """Every message goes through ``change``; None leaves it out. A crash leaves the old file."""
        with self._open_locked() as file:
            self._index(file)
            temporary = self.path.with_name(f".{self.path.name}.meshclaw-{os.getpid()}")
            try:
                self._write_changed(file, temporary, change)
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            sync_directory(self.path.parent)

    def _write_changed(self, file: BinaryIO, temporary: Path, change: Change) -> None:
        old = os.fstat(file.fileno())
        with temporary.open("wb") as new:
            os.fchmod(new.fileno(), old.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.fchown(new.fileno(), old.st_uid, old.st_gid)
            for mail in self._mails.values():
                file.seek(mail.start)
                new.write(change(mail.ref, file.read(mail.stop - mail.start)) or b"")
            new.flush()
            os.fsync(new.fileno())

    def _index(self, file: BinaryIO) -> None:
        found = os.fstat(file.fileno())
        self._mails = {}
        for start, stop in _spans(file):
            file.seek(start)
            raw = file.read(stop - start)
            mail = _indexed(raw, start, stop, found.st_mtime)
            # Byte-identical copies in one file are told apart by their number.
            copies = 1
            while mail.ref in self._mails:
                copies += 1
                mail = mail._replace(ref=f"{mail.ref.partition('.')[0]}.{copies}")
            self._mails[mail.ref] = mail
        self._signature = (found.st_ino, found.st_mtime_ns, found.st_size)

    @contextlib.contextmanager
    def _open_locked(self) -> Generator[BinaryIO, None, None]:
        """Opened before the lock and closed after it: closing any handle drops a process's fcntl locks."""
        writable = os.access(self.path, os.W_OK)
        with self.path.open("rb+" if writable else "rb") as file:
            box = mailbox.mbox(self.path, create=False)
            try:
                if writable:
                    _take(box, self.path)
                yield file
            finally:
                box.close()


def canonical(raw: bytes) -> bytes:
    """The message as it was sent: without From line, mail readers' lines and mboxrd quoting.

    It ends in one line end: the empty line between two messages belongs to neither.
    """
    head, blank, body = _parts(raw)
    kept = b"".join(line for line in _fields(head) if not _REWRITTEN.match(line))
    text = kept + re.sub(rb"(?m)^>(>*From )", rb"\1", blank + body)
    return text.rstrip(b"\r\n") + b"\n"


def ref_of(raw: bytes) -> str:
    return hashlib.sha256(canonical(raw)).hexdigest()


def as_stored(raw: bytes, flags: str) -> bytes:
    """A message ready to be appended: From line, flags, LF line ends, mboxrd quoting, empty line."""
    text = raw.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    quoted = re.sub(rb"(?m)^(>*From )", rb">\1", text)
    now = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime()).encode()
    return with_flags(b"From MAILER-DAEMON " + now + b"\n" + quoted + b"\n", flags, frozenset())


def with_keywords(raw: bytes, keywords: frozenset[str]) -> bytes:
    mail = _indexed(raw, 0, 0, 0.0)
    return with_flags(raw, mail.flags, keywords)


def with_flags(raw: bytes, flags: str, keywords: frozenset[str]) -> bytes:
    """Replace the three lines that carry flags, at the end of the header."""
    first = raw[: raw.find(b"\n")]
    head, blank, body = _parts(raw)
    kept = [
        line for line in _fields(head) if not re.match(rb"(?i)(?:status|x-status|x-keywords)[ \t]*:", line)
    ]
    status = "".join(flag for flag in flags if flag in "RO")
    other = "".join(flag for flag in flags if flag not in "RO")
    lines = {"Status": status, "X-Status": other, "X-Keywords": " ".join(sorted(keywords))}
    added = "".join(f"{name}: {value}\n" for name, value in lines.items() if value)
    return b"".join([first, b"\n", *kept, added.encode(), blank, body])


def _spans(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Offsets of each message: a From line starts one at the top or after an empty line."""
    file.seek(0)
    starts: list[int] = []
    at, after_blank = 0, True
    for line in file:
        if after_blank and line.startswith(b"From "):
            starts.append(at)
        elif at == 0 and line.strip():
            raise UserError(
                f"{file.name} is not an mbox: its first line does not start with 'From '",
                fix="Name the file that holds the mails.",
            )
        after_blank = line in {b"\n", b"\r\n"}
        at += len(line)
    # Positions first: the caller moves the file's cursor.
    yield from zip(starts, [*starts, at][1:], strict=True)


def _parts(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """Header without the From line, the empty line, the body without the line that ends the message."""
    start = raw.find(b"\n") + 1
    end = re.compile(rb"^\r?\n", re.MULTILINE).search(raw, start)
    if end is None:
        return raw[start:], b"", b""
    return raw[start : end.start()], end[0], raw[end.end() :]


def _fields(head: bytes) -> list[bytes]:
    """Header fields, each with its continuation lines."""
    return re.findall(rb"[^\n]*\n(?:[ \t][^\n]*\n)*", head if head.endswith(b"\n") else head + b"\n")


def _indexed(raw: bytes, start: int, stop: int, fallback: float) -> Mail:
    head, _, _ = _parts(raw)
    flags, keywords = "", frozenset[str]()
    for line in _fields(head):
        name, _, value = line.decode("latin-1").partition(":")
        if name.strip().lower() in {"status", "x-status"}:
            flags += value.strip()
        elif name.strip().lower() == "x-keywords":
            keywords = frozenset(value.split())
    return Mail(start, stop, ref_of(raw), flags, keywords, _received(raw, fallback))


def _blank_line_after(raw: bytes) -> bytes:
    """What is missing so that the next From line stands after an empty line."""
    return b"\n" * max(0, 2 - (len(raw) - len(raw.rstrip(b"\n"))))


def _received(raw: bytes, fallback: float) -> float:
    """The From line's date (asctime, taken as UTC); the file's own time where it has none."""
    line = raw[: raw.find(b"\n")].decode("latin-1").strip()
    try:
        return float(calendar.timegm(time.strptime(line[-24:], "%a %b %d %H:%M:%S %Y")))
    except ValueError:
        return fallback


def _take(box: mailbox.mbox, path: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    dotlock = path.with_name(path.name + ".lock")
    while True:
        try:
            box.lock()
        except mailbox.ExternalClashError:
            _drop_stale(dotlock)
            if time.monotonic() > deadline:
                raise Busy(
                    f"mbox:{path} is locked by another mail program",
                    fix=f"Close that program; delete {dotlock} if none is running.",
                ) from None
            time.sleep(0.1)
        else:
            return


def _drop_stale(dotlock: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if time.time() - dotlock.stat().st_mtime > _STALE_LOCK_S:
            dotlock.unlink()
