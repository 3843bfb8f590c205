"""What changes something on an IMAP server. Each runs at most once; a lost answer is Uncertain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from meshclaw.connectors.mail.mailbox.imap.session import Session
from meshclaw.connectors.mail.mailbox.imap.wire import Wire, batches, expand, quoted, uid_set
from meshclaw.errors import Refused

_BATCH = 500
"""Messages in one command; some servers limit a line to 8000 bytes."""


def store_flags(session: Session, uids: Collection[int], how: str, flags: Sequence[str]) -> None:
    """``how`` is ``+FLAGS`` or ``-FLAGS``."""
    if flags and uids:
        text = f"({' '.join(flags)})"
        session.changing(
            "a change of labels", lambda wire: wire.uid("STORE", uid_set(uids), f"{how}.SILENT", text)
        )


def move_between(session: Session, uids: list[int], to: str) -> dict[int, str]:
    """Old uid to new ref, for those that were there. ``to`` is the server's name of the folder."""
    arrived: dict[int, str] = {}
    for batch in batches(uids, _BATCH):
        arrived |= session.changing(f"a move of {len(batch)} messages", partial(_move, uids=batch, to=to))
    return arrived


def append(session: Session, folder: str, raw: bytes, flags: Sequence[str]) -> str:
    """The new ref; empty where the server does not tell (no UIDPLUS)."""

    def store(wire: Wire) -> str:
        wire.take("APPENDUID")
        wire.client.append(folder, raw, flags)
        told = wire.take("APPENDUID")
        return told[-1].decode("ascii").replace(" ", ":") if told else ""

    return session.changing("the storing of a message", store)


def _move(wire: Wire, *, uids: Sequence[int], to: str) -> dict[int, str]:
    if "UIDPLUS" not in wire.capabilities:
        raise Refused(
            "this mail server cannot tell where a moved message went (no UIDPLUS), so nothing is moved on it",
            fix="Use labels instead of folders, or another server.",
        )
    wire.take("COPYUID")
    if "MOVE" in wire.capabilities:
        wire.uid("MOVE", uid_set(uids), quoted(to))
        return _copied(wire, len(uids))
    wire.uid("COPY", uid_set(uids), quoted(to))
    arrived = _copied(wire, len(uids))
    if arrived:
        copied = uid_set(arrived)
        wire.uid("STORE", copied, "+FLAGS.SILENT", r"(\Deleted)")
        # With uids: a plain EXPUNGE would also remove what the person marked elsewhere.
        wire.uid("EXPUNGE", copied)
    return arrived


def _copied(wire: Wire, limit: int) -> dict[int, str]:
    """COPYUID (RFC 4315 §3): ``uidvalidity old-set new-set``, one to one in their order."""
    arrived: dict[int, str] = {}
    for told in wire.take("COPYUID"):
        validity, old, new = told.decode("ascii").split(" ")
        arrived |= {
            uid: f"{validity}:{at}"
            for uid, at in zip(expand(old, limit + 1), expand(new, limit + 1), strict=True)
        }
    return arrived
