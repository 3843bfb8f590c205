"""Keeping up with a folder: claims between two claws, what changed since, and waiting for the next change."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from meshclaw.connectors.mail.mailbox.base import Changes, Entry
from meshclaw.connectors.mail.mailbox.imap.session import Selected, Session
from meshclaw.connectors.mail.mailbox.imap.wire import (
    ENTRY_ITEMS,
    Fetched,
    Wire,
    batches,
    entry_of,
    expand,
    uid_set,
)
from meshclaw.connectors.mail.mailbox.keywords import CLAIM_PREFIX, claim_keyword
from meshclaw.errors import Refused

REISSUE_S = 9 * 60
"""RFC 2177 asks for less than 29 minutes; home routers forget a silent connection after about ten."""
POLL_S = 30.0
"""Where the server offers no IDLE."""
_CLAIM_ROUNDS = 3
_BATCH = 500
_MAX_UIDS = 1_000_000
_NEWS = {b"EXISTS", b"EXPUNGE", b"VANISHED", b"FETCH"}


def list_entries(wire: Wire, *, selected: Selected, uids: str) -> list[Entry]:
    fetched = wire.uid_fetch(uids, ENTRY_ITEMS)
    return _entries(selected, fetched)


def existing(session: Session, uids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for batch in batches(uids, _BATCH):
        text = uid_set(batch)
        found |= set(session.reading(lambda wire, text=text: wire.client.search(["UID", text])))
    return found


def state_of(selected: Selected) -> str:
    return f"{selected.uid_validity}:{selected.highest_modseq}" if selected.highest_modseq else ""


def changes(session: Session, folder: str, state: str) -> Changes | None:
    """By QRESYNC (RFC 7162 §3.2.6); None where only a full listing can tell."""
    selected = session.select(folder, again=True)
    validity, _, modseq = state.partition(":")
    if not modseq.isdecimal() or validity != str(selected.uid_validity) or not selected.highest_modseq:
        return None

    def ask(wire: Wire) -> Changes | None:
        if "QRESYNC" not in wire.capabilities:
            return None
        wire.take("VANISHED")
        fetched = wire.uid_fetch("1:*", ENTRY_ITEMS, f"(CHANGEDSINCE {modseq} VANISHED)")
        gone = [uid for told in wire.take("VANISHED") for uid in expand(_without_earlier(told), _MAX_UIDS)]
        return Changes(
            state=state_of(selected),
            entries=tuple(_entries(selected, fetched)),
            vanished=tuple(selected.ref(uid) for uid in gone),
        )

    return session.reading(ask)


def claim(session: Session, folder: str, refs: Sequence[str], *, by: str) -> tuple[str, ...]:
    """Mark messages as worked on by the claw ``by``; returns those that no other claw has.

    Decided by the server (RFC 7162 §3.1.3): of two claws that mark the same message at once, the second
    finds it changed. It is told in MODIFIED; the tagged answer is OK for both.
    """
    mine: set[int] = set()
    selected = session.select(folder, writable=True)
    open_ = {selected.uid(ref) for ref in refs}
    for _ in range(_CLAIM_ROUNDS):
        if not open_:
            break
        # The folder's state from before the look at the flags: whatever comes later is a change.
        selected = session.select(folder, writable=True, again=True)
        _check_claims(selected)
        owners = _owners(session, sorted(open_))
        mine |= {uid for uid, owner in owners.items() if owner == by}
        free = [uid for uid, owner in owners.items() if not owner]
        open_ = _mark(session, free, selected.highest_modseq, by)
        mine |= set(free) - open_
    return tuple(ref for ref in refs if selected.uid(ref) in mine)


def wait(session: Session, folder: str, timeout_s: float, listed: Selected | None) -> bool:
    """True as soon as the folder may differ from what ``listed`` was."""
    deadline = time.monotonic() + timeout_s
    while True:
        now = session.select(folder, again=True)
        if listed is None or _differs(now, listed):
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        session.reading(lambda wire, left=left: _rest(wire, left))


def _rest(wire: Wire, left_s: float) -> None:
    """Until the server reports news, or it is time to speak again. The caller looks what changed."""
    if "IDLE" not in wire.capabilities:
        time.sleep(min(left_s, POLL_S))
        return
    end = time.monotonic() + min(left_s, REISSUE_S)
    wire.client.idle()
    while (left := end - time.monotonic()) > 0:
        told = wire.client.idle_check(timeout=left)
        # Nothing before the time is over means the server hung up; DONE then says so.
        if not told or any(part in _NEWS for response in told for part in response[:2]):
            break
    wire.client.idle_done()


def _differs(now: Selected, listed: Selected) -> bool:
    return (now.uid_validity, now.exists, now.highest_modseq, now.next_uid) != (
        listed.uid_validity,
        listed.exists,
        listed.highest_modseq,
        listed.next_uid,
    )


def _check_claims(selected: Selected) -> None:
    if not selected.highest_modseq or not selected.keeps_keywords:
        raise Refused(
            f"the server cannot keep two claws apart in {selected.folder!r} (no CONDSTORE or no keywords)",
            fix="Let only one claw work on this mailbox, and leave claims off.",
        )


def _owners(session: Session, uids: list[int]) -> dict[int, str]:
    """Each message's claw; empty for nobody. Messages that are gone are left out."""
    owners: dict[int, str] = {}
    for batch in batches(uids, _BATCH):
        text = uid_set(batch)
        fetched = session.reading(lambda wire, text=text: wire.uid_fetch(text, "(UID FLAGS)"))
        for uid, item in fetched.items():
            words = (flag.decode("ascii", "replace") for flag in item.get(b"FLAGS", ()))
            claims = [word.removeprefix(CLAIM_PREFIX) for word in words if word.startswith(CLAIM_PREFIX)]
            owners[uid] = claims[0] if claims else ""
    return owners


def _mark(session: Session, uids: list[int], modseq: int, by: str) -> set[int]:
    """Those that changed meanwhile and were therefore not marked."""
    modified: set[int] = set()
    for batch in batches(uids, _BATCH):

        def store(wire: Wire, batch: Sequence[int] = batch) -> set[int]:
            wire.take("MODIFIED")
            flags = f"({claim_keyword(by)})"
            wire.uid("STORE", uid_set(batch), f"(UNCHANGEDSINCE {modseq})", "+FLAGS.SILENT", flags)
            told = b",".join(wire.take("MODIFIED")).decode("ascii")
            return set(expand(told, len(batch) + 1))

        modified |= session.changing("a claim", store)
    return modified


def _entries(selected: Selected, fetched: Fetched) -> list[Entry]:
    whole = {uid: item for uid, item in fetched.items() if b"RFC822.SIZE" in item and b"INTERNALDATE" in item}
    return [entry_of(selected.folder, selected.ref(uid), item) for uid, item in sorted(whole.items())]


def _without_earlier(told: bytes) -> str:
    return re.sub(r"^\(EARLIER\)\s*", "", told.decode("ascii"))
