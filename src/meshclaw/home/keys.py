"""Who may look: a one-time token that opens a session, and the sessions that are open.

The token is in a file that only its owner can read. Of a session only the digest of its cookie is kept.
"""

from __future__ import annotations

import hmac
import os
import secrets
import threading
import time
from hashlib import sha256
from pathlib import Path

import msgspec

FILE = "page.json"
LASTS_S = 7 * 24 * 3600
"""How long a browser stays signed in."""
MOST = 20
"""Browsers signed in at once; the oldest goes first."""


class _Kept(msgspec.Struct, kw_only=True):
    token: str = ""
    port: int = 0
    sessions: dict[str, float] = {}
    """When each ends, seconds since 1970, by the digest of its cookie."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    cookie: str
    """Secret; only its digest is kept."""

    @property
    def id(self) -> str:
        return sha256(self.cookie.encode()).hexdigest()

    @property
    def csrf(self) -> str:
        """Stands in every form: another site cannot know it."""
        return self.seal("csrf")

    def seal(self, *parts: object) -> str:
        """What only this session could have been given."""
        return hmac.new(self.cookie.encode(), repr(parts).encode(), sha256).hexdigest()

    def holds(self, seal: str, *parts: object) -> bool:
        return hmac.compare_digest(seal.encode(), self.seal(*parts).encode())


class Keys:
    """``folder`` is the state folder. ``stays``: whether sessions outlive this process."""

    def __init__(self, folder: Path, *, stays: bool) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._kept = _read(self._path)
        if not stays:
            self._kept.sessions = {}

    @property
    def port(self) -> int:
        """The one used last, so that a bookmark still leads here; 0 where there is none."""
        return self._kept.port

    def begin(self, port: int) -> None:
        with self._lock:
            self._kept.port = port
            self._kept.token = secrets.token_urlsafe(32)
            self._keep()

    def exchange(self, token: str) -> Session | None:
        """A session for the token, once; a new token takes its place."""
        with self._lock:
            if not self._kept.token or not hmac.compare_digest(token.encode(), self._kept.token.encode()):
                return None
            session = Session(cookie=secrets.token_urlsafe(32))
            self._kept.token = secrets.token_urlsafe(32)
            open_ = {id_: end for id_, end in self._kept.sessions.items() if end > time.time()}
            newest = sorted(open_, key=open_.__getitem__)[-(MOST - 1) :]
            self._kept.sessions = {id_: open_[id_] for id_ in newest} | {session.id: time.time() + LASTS_S}
            self._keep()
            return session

    def session(self, cookie: str) -> Session | None:
        session = Session(cookie=cookie)
        with self._lock:
            return session if self._kept.sessions.get(session.id, 0) > time.time() else None

    def end(self, session: Session) -> None:
        with self._lock:
            self._kept.sessions.pop(session.id, None)
            self._keep()

    def _keep(self) -> None:
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(msgspec.json.encode(self._kept))
        part.replace(self._path)


def _read(path: Path) -> _Kept:
    """What cannot be read, or what others could have read, counts for nothing: everybody signs in anew."""
    try:
        if path.stat().st_mode & 0o077:
            return _Kept()
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return _Kept()


def url(folder: Path, address: str) -> str:
    """The page's address with the token that opens it once; without one where there is none to be read."""
    token = _read(folder / FILE).token
    return f"{address}?token={token}" if token else address
