"""An IMAP server of a few commands that can be told to hang, to hang up or to say no at any of them.

``test_imap.py`` holds it to a real Dovecot: the same session gives the same answers on both.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

HANG, DROP, DO_THEN_DROP = "hang", "drop", "do, then drop"
_CAPABILITIES = "IMAP4rev1 UIDPLUS MOVE AUTH=PLAIN"


class FakeImap:
    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        """By command (``UID MOVE``): HANG, DROP, DO_THEN_DROP, or the text of a NO. ``greeting`` counts too."""
        self.capabilities = _CAPABILITIES
        self.read_only = False
        self.folders: dict[str, dict[int, tuple[bytes, set[str]]]] = {"INBOX": {}}
        self.uid_validity = 7
        self.commands: list[str] = []
        self.logins = 0
        self._next = 1
        self._stopping = threading.Event()
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def address(self) -> str:
        return f"imap://alice@127.0.0.1:{self.port}"

    def add(self, raw: bytes, folder: str = "INBOX") -> int:
        uid, self._next = self._next, self._next + 1
        self.folders.setdefault(folder, {})[uid] = (raw, set())
        return uid

    def hang_up(self) -> None:
        """On everybody, as a restart does."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, _HungUp), connection, connection.makefile("rwb") as stream:
            self._say(stream, "greeting", "* OK hello")
            selected = ""
            while line := stream.readline():
                tag, _, rest = line.decode("latin-1").strip().partition(" ")
                command = re.match(r"(?i)(uid )?[a-z]+", rest)
                if command is None:  # a TLS hello, for one
                    continue
                name = command[0].upper()
                self.commands.append(rest if name != "LOGIN" else "LOGIN")
                fault = self.faults.get(name, "")
                if fault in {HANG, DROP}:
                    self._fail(fault)
                if fault and fault != DO_THEN_DROP:
                    stream.write(f"{tag} NO {fault}\r\n".encode())
                    stream.flush()
                    continue
                answer, selected = self._answer(stream, name, rest, selected)
                if fault == DO_THEN_DROP:
                    raise _HungUp
                stream.write(answer + f"{tag} OK done\r\n".encode())
                stream.flush()

    def _say(self, stream: object, name: str, text: str) -> None:
        if name in self.faults:
            self._fail(self.faults[name])
        stream.write(text.encode() + b"\r\n")
        stream.flush()

    def _fail(self, fault: str) -> None:
        if fault == HANG:
            self._stopping.wait(30)
        raise _HungUp

    def _answer(self, stream: object, name: str, rest: str, selected: str) -> tuple[bytes, str]:  # noqa: C901, PLR0911
        here = self.folders.get(selected, {})
        words = rest.split(" ")
        match name:
            case "CAPABILITY":
                return f"* CAPABILITY {self.capabilities}\r\n".encode(), selected
            case "AUTHENTICATE":
                self.logins += 1
                stream.write(b"+ \r\n")
                stream.flush()
                stream.readline()
                return b"", selected
            case "LIST":
                lines = (f'* LIST () "/" "{folder}"\r\n' for folder in self.folders)
                return "".join(lines).encode(), selected
            case "CREATE":
                self.folders.setdefault(words[1].strip('"'), {})
                return b"", selected
            case "SELECT" | "EXAMINE":
                selected = words[1].strip('"')
                return self._select(selected, name), selected
            case "UID SEARCH":
                uids = _search(here, rest)
                return f"* SEARCH {' '.join(map(str, sorted(uids)))}\r\n".encode(), selected
            case "UID FETCH":
                return b"".join(
                    _fetch(here, uid, rest) for uid in sorted(here.keys() & _uids(words[2]))
                ), selected
            case "UID STORE":
                for uid in here.keys() & _uids(words[2]):
                    here[uid][1].update(re.findall(r"[\\$][\w.-]+", rest.partition("(")[2]))
                return b"", selected
            case "UID MOVE" | "UID COPY":
                return self._copy(here, words[2], words[3].strip('"'), move=name == "UID MOVE"), selected
            case "UID EXPUNGE":
                for uid in here.keys() & _uids(words[2]):
                    del here[uid]
        return b"", selected

    def _select(self, folder: str, how: str) -> bytes:
        access = "READ-ONLY" if self.read_only or how == "EXAMINE" else "READ-WRITE"
        lines = [
            f"* {len(self.folders.get(folder, {}))} EXISTS",
            "* 0 RECENT",
            "* FLAGS (\\Seen \\Deleted)",
            "* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] yes",
            f"* OK [UIDVALIDITY {self.uid_validity}] yes",
            f"* OK [UIDNEXT {self._next}] yes",
            f"* OK [{access}] selected",
        ]
        return "".join(line + "\r\n" for line in lines).encode()

    def _copy(self, here: dict[int, tuple[bytes, set[str]]], uids: str, to: str, *, move: bool) -> bytes:
        there = sorted(here.keys() & _uids(uids))
        if not there:
            return b""
        new = [self.add(here[uid][0], to) for uid in there]
        for uid in there if move else ():
            del here[uid]
        sets = f"{','.join(map(str, there))} {','.join(map(str, new))}"
        return f"* OK [COPYUID {self.uid_validity} {sets}] copied\r\n".encode()


class _HungUp(Exception):
    pass


def _search(here: dict[int, tuple[bytes, set[str]]], rest: str) -> set[int]:
    """ALL, UID <set>, or HEADER Message-ID <text>."""
    if header := re.search(r'HEADER "?Message-ID"? "?([^"]*)"?', rest, re.IGNORECASE):
        return {uid for uid, (raw, _) in here.items() if header[1].encode() in raw}
    words = rest.split(" ")
    return set(here) if words[2] == "ALL" else here.keys() & _uids(words[3])


def _uids(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition(":")
        found |= set(range(int(first), (1000 if last == "*" else int(last or first)) + 1))
    return found


def _fetch(here: dict[int, tuple[bytes, set[str]]], uid: int, rest: str) -> bytes:
    raw, flags = here[uid]
    seq = sorted(here).index(uid) + 1
    known = f"UID {uid} FLAGS ({' '.join(sorted(flags))}) RFC822.SIZE {len(raw)}"
    known += ' INTERNALDATE "21-Nov-2026 08:00:00 +0000"'
    if limit := re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", rest):
        part = raw[: int(limit[1])]
        return f"* {seq} FETCH ({known} BODY[]<0> {{{len(part)}}}\r\n".encode() + part + b")\r\n"
    return f"* {seq} FETCH ({known})\r\n".encode()


@pytest.fixture(name="fake_imap")
def running_fake_imap() -> Iterator[FakeImap]:
    server = FakeImap()
    try:
        yield server
    finally:
        server.stop()
