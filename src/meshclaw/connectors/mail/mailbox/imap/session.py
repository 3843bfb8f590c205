"""One thread's connection to an IMAP server: kept alive, made again when it breaks, never blindly repeated."""

from __future__ import annotations

import imaplib
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from meshclaw.connectors.mail.mailbox.base import INBOX
from meshclaw.connectors.mail.mailbox.folder_names import check_folder_name
from meshclaw.connectors.mail.mailbox.imap.server import Dropped, Server, hang_up, lost, sign_in
from meshclaw.connectors.mail.mailbox.imap.wire import Wire
from meshclaw.errors import MeshClawError, NotFound, NotReachable, Refused, Uncertain, UserError

TRIES = 3
BACKOFF_S = 0.5
"""Before the second try; doubled for each further one, give or take half."""
_TRUST_S = 5.0
"""A connection that spoke this recently is taken to be alive."""

T = TypeVar("T")


class Selected(NamedTuple):
    folder: str
    uid_validity: int
    exists: int
    highest_modseq: int
    """0 where the server keeps none."""
    next_uid: int
    keeps_keywords: bool
    writable: bool

    def ref(self, uid: int) -> str:
        return f"{self.uid_validity}:{uid}"

    def uid(self, ref: str) -> int:
        """NotFound where the server has numbered the folder anew since ``ref`` was made."""
        validity, _, uid = ref.partition(":")
        if not (validity.isdecimal() and uid.isdecimal()):
            raise NotFound(f"{ref!r} is not a message of an IMAP folder", fix="List the folder again.")
        if int(validity) != self.uid_validity:
            raise NotFound(
                f"the server has numbered {self.folder!r} anew (UIDVALIDITY {validity}, now {self.uid_validity}), "
                f"so {ref!r} names no message",
                fix="List the folder again.",
            )
        return int(uid)


class Session:
    def __init__(self, server: Server, *, changing: bool) -> None:
        self._server = server
        self._changing = changing
        self._wire: Wire | None = None
        self._selected: Selected | None = None
        self._left: Selected | None = None
        """The folder that was open when the connection broke."""
        self._heard = 0.0
        self._prefix, self._separator = "", "/"

    def reading(self, work: Callable[[Wire], T]) -> T:
        """Run ``work``; on a broken connection make a new one and run it again, a few times."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._attempt(work)
            except Dropped:
                if attempt == TRIES:
                    raise
                time.sleep(BACKOFF_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 (jitter)
        raise AssertionError

    def changing(self, what: str, work: Callable[[Wire], T]) -> T:
        """Run ``work`` once. A connection that breaks now leaves the effect open: Uncertain."""
        self._check_changing()
        self.alive()
        try:
            return self._attempt(work)
        except NotReachable as error:
            raise Uncertain(
                f"{self._server.address}: the connection was lost during {what}; it may have happened",
                fix="Look into the mailbox before you repeat it.",
            ) from error

    def alive(self) -> None:
        """So that a connection that died overnight is noticed before anything is changed through it."""
        if self._wire is None or time.monotonic() - self._heard > _TRUST_S:
            self.reading(lambda wire: wire.client.noop())

    def select(self, folder: str, *, writable: bool = False, again: bool = False) -> Selected:
        """Open ``folder``; ``again`` asks the server anew for its state."""
        if writable:
            self._check_changing()
        self.alive()
        known = self._selected
        if known and known.folder == folder and not again and (known.writable or not writable):
            return known
        return self.reading(lambda wire: self._select(wire, folder, writable=writable))

    def folders(self) -> tuple[str, ...]:
        listed = self.reading(lambda wire: wire.client.list_folders())
        names = [name for flags, _, name in listed if not {b"\\Noselect", b"\\NonExistent"} & set(flags)]
        return tuple(sorted({INBOX, *map(self._ours, names)}, key=lambda name: (name != INBOX, name)))

    def on_server(self, folder: str) -> str:
        """The server's name for ``folder``: its separator, and the prefix some servers want (``INBOX.``)."""
        if folder == INBOX:
            return INBOX
        check_folder_name(folder)
        if self._separator != "/" and self._separator in folder:
            raise UserError(
                f"{folder!r} cannot be a folder on {self._server.host}, where {self._separator!r} separates them",
                fix="Leave that character out.",
            )
        return self._prefix + folder.replace("/", self._separator)

    def close(self) -> None:
        """Politely where the connection is fresh; a dead server must not hold anybody up."""
        wire, self._wire, self._selected = self._wire, None, None
        if wire is None:
            return
        try:
            if time.monotonic() - self._heard < _TRUST_S:
                wire.client.logout()
        except (OSError, imaplib.IMAP4.error):
            pass
        finally:
            hang_up(wire)

    def _check_changing(self) -> None:
        if not self._changing:
            raise UserError(f"{self._server.address} is open for reading only", fix="Open it for changes.")

    def _attempt(self, work: Callable[[Wire], T]) -> T:
        try:
            result = work(self._wire or self._connect())
        except imaplib.IMAP4.readonly:
            raise _read_only(self._server) from None
        except (OSError, imaplib.IMAP4.abort) as error:
            self._drop()
            raise lost(self._server, error) from None
        except imaplib.IMAP4.error as error:
            raise _refused(self._server, str(error)) from None
        self._heard = time.monotonic()
        return result

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        self._left, self._selected = self._selected, None
        if wire:
            hang_up(wire)

    def _connect(self) -> Wire:
        wire = self._wire = sign_in(self._server)
        if "NAMESPACE" in wire.capabilities:
            personal: Sequence[tuple[str, str | None]] = wire.client.namespace().personal or ()
            for prefix, separator in personal[:1]:
                self._prefix, self._separator = prefix, separator or "/"
        self._return(wire)
        return wire

    def _return(self, wire: Wire) -> None:
        """Back into the folder that was open: the uids in hand are its own."""
        left, self._left = self._left, None
        if left:
            self._select(wire, left.folder, writable=left.writable).uid(left.ref(1))

    def _ours(self, name: str) -> str:
        return name.removeprefix(self._prefix).replace(self._separator, "/")

    def _select(self, wire: Wire, folder: str, *, writable: bool) -> Selected:
        self._selected = None
        name = self.on_server(folder)
        try:
            answer = _open(wire, name, writable=writable, changing=self._changing)
        except (imaplib.IMAP4.abort, MeshClawError):
            raise
        except imaplib.IMAP4.error as error:
            raise self._no_folder(folder, str(error)) from None
        permanent = answer.get(b"PERMANENTFLAGS", (b"\\*",))
        self._selected = Selected(
            folder=folder,
            uid_validity=int(answer.get(b"UIDVALIDITY", 0)),
            exists=int(answer[b"EXISTS"]),
            highest_modseq=int(answer.get(b"HIGHESTMODSEQ", 0)),
            next_uid=int(answer.get(b"UIDNEXT", 0)),
            keeps_keywords=b"\\*" in permanent,
            writable=bool(answer.get(b"READ-WRITE")),
        )
        return self._selected

    def _no_folder(self, folder: str, text: str) -> MeshClawError:
        have = self.folders()
        if folder in have:
            return _refused(self._server, text)
        return NotFound(f"{self._server.address} has no folder {folder!r}", fix=f"It has: {', '.join(have)}.")


def _open(wire: Wire, name: str, *, writable: bool, changing: bool) -> dict[bytes, Any]:
    if not changing:
        return wire.client.select_folder(name, readonly=True)
    try:
        return wire.client.select_folder(name)
    except imaplib.IMAP4.readonly:
        if writable:
            raise
        return wire.client.select_folder(name, readonly=True)


def _read_only(server: Server) -> Refused:
    return Refused(
        f"{server.address}: the folder is read-only for {server.user!r}",
        fix="Ask whoever owns the folder for the right to change it.",
    )


def _refused(server: Server, text: str) -> Refused:
    if "OVERQUOTA" in text.upper():
        return Refused(
            f"{server.address}: the mailbox is full ({text})",
            fix="Delete mail or ask for more space; nothing was changed.",
        )
    if "READ-ONLY" in text.upper() or "NOPERM" in text.upper():
        return _read_only(server)
    return Refused(f"{server.address} refused: {text}", fix="Look into the mailbox, then try again.")
