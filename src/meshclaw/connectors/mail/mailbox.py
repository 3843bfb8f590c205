"""What every mailbox can do, whatever holds it: Maildir, mbox or IMAP.

A message is addressed by folder and ``ref``. A ref is stable while the message stays in its folder:
the unique part of a Maildir file name, ``uidvalidity:uid`` on IMAP, the digest in an mbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec


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

    def label(self, folder: str, ref: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None: ...

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
        """The ref of a message in ``folder``: by Message-ID where it has one, proved by digest."""
        ...

    def close(self) -> None: ...
