"""What every mailbox can do, whatever holds it: Maildir, mbox or IMAP.

A message is addressed by folder and ``ref``. A ref is stable while the message stays in its folder:
the unique part of a Maildir file name, ``uidvalidity:uid`` on IMAP, the digest in an mbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

INBOX = "INBOX"
"""The one folder every mailbox has."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One message as the mailbox lists it, without reading it."""

    folder: str
    ref: str
    size: int
    received: float
    """Unix seconds."""
    seen: bool = False
    answered: bool = False
    flagged: bool = False
    draft: bool = False
    labels: frozenset[str] = frozenset()
    """The claw's own keywords only, without their prefix: ``reply``, ``act``, ..."""


class Relocation(msgspec.Struct, frozen=True, kw_only=True):
    """One message's move: from ``folder``/``ref`` to the folder ``to``."""

    folder: str
    ref: str
    to: str


class Labelling(msgspec.Struct, frozen=True, kw_only=True):
    """One message's change of labels; what is in neither list stays."""

    folder: str
    ref: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a folder since ``state`` was last handed out."""

    state: str
    """Opaque; give it to the next call, also after a restart."""
    entries: tuple[Entry, ...] = ()
    """New or changed messages."""
    vanished: tuple[str, ...] = ()
    complete: bool = False
    """``entries`` is the whole folder, and a ref that is not among them is gone."""


class Mailbox(Protocol):
    """Bad credentials, a dead server, a full disk and a second claw raise the errors of ``errors.py``.

    A call that may have taken effect before it failed raises ``Uncertain``.
    """

    address: str
    """How the person named it: ``maildir:PATH``, ``mbox:PATH``, ``imaps://user@host``."""

    def folders(self) -> tuple[str, ...]: ...

    def entries(self, folder: str) -> Iterator[Entry]: ...

    def read(self, folder: str, ref: str, limit: int) -> bytes:
        """At most ``limit`` bytes of the raw message; NotFound where it is gone."""
        ...

    def read_many(self, folder: str, refs: Sequence[str], limit: int) -> Iterator[tuple[str, bytes]]:
        """(ref, raw) pairs, streamed; messages that are gone meanwhile are left out."""
        ...

    def label(self, folder: str, ref: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """NotFound where the message is gone. Never marks it seen."""
        ...

    def label_many(self, labellings: Sequence[Labelling]) -> list[bool]:
        """In the order given: False where the message is gone. One pass over an mbox, few IMAP commands."""
        ...

    def move(self, moves: Sequence[Relocation]) -> list[str | None]:
        """New refs in the order of ``moves``; None where the message was no longer there.

        Creates the target folder. Idempotent: a move that already happened returns the new ref
        where the mailbox can know it.
        """
        ...

    def append(self, folder: str, raw: bytes, *, draft: bool = False, seen: bool = True) -> str:
        """Store a message; returns its ref. Durable when it returns."""
        ...

    def find(self, folder: str, *, message_id: str, digest: str) -> str | None:
        """The ref of a message in ``folder``: by Message-ID where it has one, proved by digest.

        ``digest`` is the SHA-256 of the first ``MAX_READ`` bytes with any line ends, because servers
        and mbox files change those. Empty: the Message-ID alone decides, for a copy that travelled.
        """
        ...

    def claim(self, folder: str, refs: Sequence[str], *, by: str) -> tuple[str, ...]:
        """Those of ``refs`` that the claw named ``by`` may work on; every other claw is told no."""
        ...

    def changes(self, folder: str, state: str) -> Changes:
        """What happened since ``state``; an empty or outdated state lists the whole folder."""
        ...

    def wait(self, folder: str, timeout_s: float) -> bool:
        """True as soon as the folder may have changed since it was last listed, False after the time."""
        ...

    def close(self) -> None: ...
