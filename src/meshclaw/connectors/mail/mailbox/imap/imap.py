"""A mailbox on an IMAP server (RFC 9051, and RFC 3501 servers with UIDPLUS).

A ref is ``uidvalidity:uid``. A server that numbers a folder anew makes every old ref unknown, never wrong.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

from meshclaw.connectors.mail.mailbox.base import Changes, Entry, Labelling, Relocation
from meshclaw.connectors.mail.mailbox.imap import sync as imap_sync
from meshclaw.connectors.mail.mailbox.imap.effects import append, move_between, store_flags
from meshclaw.connectors.mail.mailbox.imap.server import Server
from meshclaw.connectors.mail.mailbox.imap.session import Selected, Session
from meshclaw.connectors.mail.mailbox.imap.wire import Wire, batches, uid_set
from meshclaw.connectors.mail.mailbox.keywords import keyword
from meshclaw.connectors.mail.mailbox.proof import is_wanted
from meshclaw.errors import NotFound
from meshclaw.flow.message import MAX_READ

_LIST_BATCH = 1000
_READ_BATCH = 100
_READ_BYTES = 8 * 1024 * 1024
"""Message bytes one FETCH may hold in memory."""


class ImapMailbox:
    """One connection for each thread that uses it; every connection is made when it is first needed."""

    def __init__(self, server: Server, *, create_folders: bool = True, changing: bool = True) -> None:
        self.address = server.address
        self._server = server
        self._create_folders = create_folders
        self._changing = changing
        self._here = threading.local()
        self._sessions: list[Session] = []
        self._known: set[str] = set()
        self._listed: dict[str, Selected] = {}

    def connect(self) -> None:
        """Sign in now, so that a wrong password is told before any work starts."""
        self._known = set(self.folders())

    def folders(self) -> tuple[str, ...]:
        return self._session().folders()

    def entries(self, folder: str) -> Iterator[Entry]:
        session = self._session()
        selected = self._listed[folder] = session.select(folder, again=True)
        uids = session.reading(lambda wire: wire.client.search(["ALL"])) if selected.exists else []
        for batch in batches(uids, _LIST_BATCH):
            session.select(folder)
            yield from session.reading(
                partial(imap_sync.list_entries, selected=selected, uids=uid_set(batch))
            )

    def read(self, folder: str, ref: str, limit: int) -> bytes:
        for _, raw in self.read_many(folder, [ref], limit):
            return raw
        raise self._gone(folder, ref)

    def read_many(self, folder: str, refs: Sequence[str], limit: int) -> Iterator[tuple[str, bytes]]:
        session = self._session()
        selected = session.select(folder)
        uids = [selected.uid(ref) for ref in refs]
        for batch in self._by_size(session, uids, limit):
            # The caller may have worked in another folder between two batches.
            if session.select(folder).uid_validity != selected.uid_validity:
                raise self._gone(folder, selected.ref(batch[0]))
            bodies = session.reading(partial(_bodies, uids=batch, limit=limit))
            yield from ((selected.ref(uid), bodies[uid]) for uid in batch if uid in bodies)

    def label(self, folder: str, ref: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        if self.label_many([Labelling(folder=folder, ref=ref, add=tuple(add), remove=tuple(remove))]) == [
            False
        ]:
            raise self._gone(folder, ref)

    def label_many(self, labellings: Sequence[Labelling]) -> list[bool]:
        done = [False] * len(labellings)
        groups: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[int]] = defaultdict(list)
        for at, labelling in enumerate(labellings):
            groups[labelling.folder, labelling.add, labelling.remove].append(at)
        session = self._session()
        for (folder, add, remove), places in groups.items():
            selected = session.select(folder, writable=True)
            uids = {at: selected.uid(labellings[at].ref) for at in places}
            there = imap_sync.existing(session, list(uids.values()))
            store_flags(session, there, "+FLAGS", [keyword(label) for label in add])
            store_flags(session, there, "-FLAGS", [keyword(label) for label in remove])
            for at, uid in uids.items():
                done[at] = uid in there
        return done

    def move(self, moves: Sequence[Relocation]) -> list[str | None]:
        """One UID MOVE for all messages of one source and target; Uncertain covers every group."""
        refs: list[str | None] = [None] * len(moves)
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, move in enumerate(moves):
            groups[move.folder, move.to].append(at)
        for (folder, to), places in groups.items():
            found = self._move_between(folder, to, [moves[at].ref for at in places])
            for at in places:
                refs[at] = found.get(moves[at].ref)
        return refs

    def append(self, folder: str, raw: bytes, *, draft: bool = False, seen: bool = True) -> str:
        session = self._session()
        name = self._target(session, folder)
        flags = [r"\Draft"] * draft + [r"\Seen"] * seen
        return append(session, name, raw, flags) or self._appended(folder, raw)

    def find(self, folder: str, *, message_id: str, digest: str) -> str | None:
        session = self._session()
        selected = session.select(folder, again=True)
        # A line break would end the command; no real Message-ID has one.
        usable = message_id.isprintable() and message_id.isascii()
        criteria = ["HEADER", "Message-ID", message_id] if message_id and usable else ["ALL"]
        uids = session.reading(lambda wire: wire.client.search(criteria)) if selected.exists else []
        newest_first = [selected.ref(uid) for uid in sorted(uids, reverse=True)]
        for ref, raw in self.read_many(folder, newest_first, MAX_READ):
            if is_wanted(raw, message_id=message_id, digest=digest):
                return ref
        return None

    def claim(self, folder: str, refs: Sequence[str], *, by: str) -> tuple[str, ...]:
        return imap_sync.claim(self._session(), folder, refs, by=by)

    def changes(self, folder: str, state: str) -> Changes:
        session = self._session()
        found = imap_sync.changes(session, folder, state)
        if found is None:
            entries = tuple(self.entries(folder))
            found = Changes(state=imap_sync.state_of(self._listed[folder]), entries=entries, complete=True)
        else:
            self._listed[folder] = session.select(folder)
        return found

    def wait(self, folder: str, timeout_s: float) -> bool:
        return imap_sync.wait(self._session(), folder, timeout_s, self._listed.get(folder))

    def close(self) -> None:
        """Call it when no thread works in the mailbox any more."""
        for session in self._sessions:
            session.close()
        self._sessions.clear()

    def _session(self) -> Session:
        session: Session | None = getattr(self._here, "session", None)
        if session is None:
            session = self._here.session = Session(self._server, changing=self._changing)
            self._sessions.append(session)
        return session

    def _move_between(self, folder: str, to: str, refs: list[str]) -> dict[str, str]:
        session = self._session()
        selected = session.select(folder, writable=True)
        uids = {ref: selected.uid(ref) for ref in refs}
        if folder == to:
            there = imap_sync.existing(session, list(uids.values()))
            return {ref: ref for ref, uid in uids.items() if uid in there}
        name = self._target(session, to)
        session.select(folder, writable=True)
        arrived = move_between(session, list(dict.fromkeys(uids.values())), name)
        return {ref: arrived[uid] for ref, uid in uids.items() if uid in arrived}

    def _target(self, session: Session, folder: str) -> str:
        """The server's name of ``folder``, created where it is missing and we may."""
        name = session.on_server(folder)
        if folder not in self._known:
            self._known = set(session.folders())
        if folder not in self._known:
            if not self._create_folders:
                raise NotFound(
                    f"{self.address} has no folder {folder!r}",
                    fix=f"It has: {', '.join(sorted(self._known))}.",
                )
            session.changing(f"the creation of {folder!r}", lambda wire: wire.client.create_folder(name))
            session.reading(lambda wire: wire.client.subscribe_folder(name))
            self._known.add(folder)
        return name

    def _appended(self, folder: str, raw: bytes) -> str:
        """Servers without UIDPLUS do not say; the highest uid with these bytes is the one."""
        selected = self._session().select(folder, again=True)
        uids = self._session().reading(lambda wire: wire.client.search(["ALL"]))
        for ref, found in self.read_many(
            folder, [selected.ref(uid) for uid in sorted(uids)[-5:]][::-1], MAX_READ
        ):
            if found.replace(b"\r\n", b"\n") == raw.replace(b"\r\n", b"\n")[: len(found)]:
                return ref
        raise self._gone(folder, "the message that was just stored")

    def _by_size(self, session: Session, uids: list[int], limit: int) -> Iterator[list[int]]:
        batch: list[int] = []
        held = 0
        for some in batches(uids, _LIST_BATCH):
            sizes = session.reading(partial(_sizes, uids=some))
            for uid in some:
                size = min(limit, sizes.get(uid, 0))
                if batch and (held + size > _READ_BYTES or len(batch) == _READ_BATCH):
                    yield batch
                    batch, held = [], 0
                batch.append(uid)
                held += size
        if batch:
            yield batch

    def _gone(self, folder: str, ref: str) -> NotFound:
        return NotFound(
            f"{self.address}: no message {ref!r} in {folder!r}",
            fix="List the folder again; it was moved or deleted.",
        )


def _sizes(wire: Wire, *, uids: Sequence[int]) -> dict[int, int]:
    return {uid: int(item[b"RFC822.SIZE"]) for uid, item in wire.client.fetch(uids, ["RFC822.SIZE"]).items()}


def _bodies(wire: Wire, *, uids: Sequence[int], limit: int) -> dict[int, bytes]:
    """PEEK: reading never marks a message seen."""
    fetched = wire.client.fetch(uids, [f"BODY.PEEK[]<0.{limit}>"])
    return {uid: item[b"BODY[]<0>"] or b"" for uid, item in fetched.items() if b"BODY[]<0>" in item}
