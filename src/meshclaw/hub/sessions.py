"""Sessions of people in a browser: a random token in a cookie, its digest here; over as soon as the person leaves."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select, update

from meshclaw.errors import SignInNeeded
from meshclaw.hub.people import Role, Who
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import writing

IDLE_S, WHOLE_S = 3_600, 12 * 3_600
"""A session ends after that long without a request, and after that long in any case."""
ROTATED_S = 900
"""A token is exchanged for a new one after that long."""
GRACE_S = 30
"""How long the one before is still good, for requests that were under way."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    who: Who
    token: str
    """To be set as the cookie where it differs from the one that came."""
    csrf: str
    """What a request that changes something has to carry besides the cookie."""


class Sessions:
    def __init__(self, engine: Engine, seal: bytes) -> None:
        self._engine, self._seal = engine, seal

    def begin(self, who: Who, now: float | None = None) -> Session:
        moment = int(now or time.time())
        with writing(self._engine) as connection:
            connection.execute(delete(t.session).where(t.session.c.ends < moment))
            return self._new(connection, who, moment, born=moment)

    def find(self, token: str, now: float | None = None) -> Session:
        """Raises SignInNeeded where there is none: it ended, the person left, or it never was."""
        moment, s = int(now or time.time()), t.session.c
        with writing(self._engine) as connection:
            mine = s.digest == _digest(token)
            row = connection.execute(
                select(t.session).join(t.person, t.person.c.id == s.person).where(mine, t.person.c.active)
            ).first()
            if row is None or row.ends < moment:
                raise SignInNeeded("nobody is signed in here, or not any more", fix="Sign in.")
            who = Who(person=row.person, roles=msgspec.json.decode(row.roles, type=frozenset[Role]))
            if not row.rotated and moment - row.made >= ROTATED_S:
                connection.execute(update(t.session).where(mine).values(rotated=True, ends=moment + GRACE_S))
                return self._new(connection, who, moment, born=row.born)
            if not row.rotated:
                connection.execute(update(t.session).where(mine).values(ends=_end(row.born, moment)))
            return self._session(who, token, row.born)

    def end(self, token: str) -> None:
        """With all others of that person: who signs out, means it."""
        with writing(self._engine) as connection:
            person = select(t.session.c.person).where(t.session.c.digest == _digest(token)).scalar_subquery()
            connection.execute(delete(t.session).where(t.session.c.person == person))

    def _new(self, connection: Connection, who: Who, moment: int, *, born: int) -> Session:
        token = secrets.token_urlsafe(32)
        connection.execute(
            insert(t.session).values(
                digest=_digest(token), person=who.person, roles=msgspec.json.encode(sorted(who.roles)), born=born,
                made=moment, ends=_end(born, moment), rotated=False,
            )
        )  # fmt: skip
        return self._session(who, token, born)

    def _session(self, who: Who, token: str, born: int) -> Session:
        """The CSRF token stays while tokens are exchanged, or pages that are open would stop to work."""
        said = f"csrf {born} {who.person}".encode()
        return Session(who=who, token=token, csrf=hmac.new(self._seal, said, "sha256").hexdigest())


def _end(born: int, moment: int) -> int:
    return min(moment + IDLE_S, born + WHOLE_S)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
