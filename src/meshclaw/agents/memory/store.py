"""The memory: facts in one SQLite file, changed by operations in numbered revisions, each of which can be taken back.

A fact's words never change. What changes is its state, and every change of a state is written down, so taking back is
the same list read backwards. Only forgetting is for good: it erases the words themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec

from meshclaw.agents.memory import file
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.memory import (
    Add,
    By,
    Expire,
    Fact,
    Merge,
    Operation,
    Revision,
    Source,
    State,
    Step,
    Supersede,
    same,
)
from meshclaw.flow.units import digest_of
from meshclaw.sqlite import telling

Was = State | Literal["absent"]
_FACT = "id, text, trust, source, scope, subject, attribute, learned, expires, state"
_decoder = msgspec.json.Decoder(Source)


class Change(msgspec.Struct, frozen=True, array_like=True):
    fact: int
    was: Was
    now: State


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """How a dream went, stored with what it changed."""

    run: str
    at: int
    """When what it learned was stored, Unix milliseconds."""
    until: int
    """Number of the last event it looked at."""
    heard: int
    """Number of the last event whose words a model has read, this night or before."""
    revision: int = 0
    known: int = 0
    refused: dict[str, int] = {}
    """Proposals by reason."""
    conflicts: tuple[tuple[int, int], ...] = ()
    """Pairs of facts that contradict one another and are both kept: the older one first."""
    turns: int = 0
    left: int = 0
    model: str = ""
    without: str = ""


class Memory:
    """One open memory. Get it from ``open``; one thread at a time uses it."""

    def __init__(self, connection: sqlite3.Connection, path: Path | str) -> None:
        self.path = path
        self.db = connection
        self._salt = file.salt(connection)

    @classmethod
    def open(cls, path: Path | str) -> Memory:
        """``":memory:"`` keeps nothing. Damaged for a broken file, Busy and Operational for the machine."""
        return cls(file.connect(path), path)

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def dreaming(self) -> Generator[None]:
        """Only one process dreams at a time; Busy where another one does."""
        with file.alone(self.path):
            yield

    @contextmanager
    def writing(self) -> Generator[None]:
        """Hold the writer's place: all that the block changes is on disk when it ends; where it raises, none of it."""
        with telling(self.path):
            if self.db.in_transaction:
                yield
                return
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:  # a full disk has rolled back already
                    self.db.execute("ROLLBACK")
                raise

    # -- changing ------------------------------------------------------------------------

    def revise(
        self, operations: Sequence[Operation], *, by: By, key: str, at: int, run: str = ""
    ) -> Revision:
        """All of them or none, in their order. ``key``: the same one again is the revision that is there already.

        ``at``: Unix milliseconds. Raises UserError where an operation is about a fact that is not live.
        """
        with self.writing():
            if (known := self.keyed(key)) is not None:
                return known
            number = self._begin(by=by, key=key, at=at, run=run)
            for place, one in enumerate(operations):
                self._note(number, place, _kind(one), list(self._do(one, at)))
            return self._end(number)

    def undo(self, number: int, *, key: str, at: int, fact: int | None = None) -> Revision:
        """Take back revision ``number``, or only what it did to one ``fact``; itself a revision.

        Raises UserError where it was taken back already, where later revisions build on it, and where nothing of it
        is left to be taken back: what was forgotten stays so.
        """
        with self.writing():
            if (known := self.keyed(key)) is not None:
                return known
            places = self._open_places(number, fact)
            new = self._begin(by="undo", key=key, at=at, undoes=number)
            for at_place, place in enumerate(reversed(places)):
                self._note(new, at_place, "undo", list(self._reverse(number, place)), of=(number, place))
            return self._end(new)

    def forget(self, ids: Iterable[int], *, key: str, at: int) -> tuple[int, ...]:
        """Erase these, what they were made of, and what was merged of them; which ones that were. Not to be undone."""
        with self.writing():
            wanted = self.relatives(list(ids))
            number = self._begin(by="person", key=key, at=at)
            for place, fact in enumerate(wanted):
                self._note(number, place, "forget", [self._erase(fact)])
            self._end(number)
            file.soil(self.db)
        with telling(self.path):
            file.clean(self.db)
        return tuple(fact.id for fact in wanted)

    def sleep(self, night: Night) -> None:
        """Keep how a dream went; within ``writing`` with what it changed."""
        with self.writing():
            body = msgspec.json.encode(night)
            self.db.execute("INSERT INTO night VALUES (?, ?, ?)", (night.run, night.until, body))

    def mark_told(self, number: int) -> None:
        """The ledger has its event."""
        with self.writing():
            self.db.execute("UPDATE revision SET told = 1 WHERE number = ?", (number,))

    # -- looking -------------------------------------------------------------------------

    def get(self, id_: int) -> Fact:
        found = self._facts("id = ?", id_)
        if not found:
            raise NotFound(f"there is no memory {id_}", fix="List them with: meshclaw memory list")
        return found[0]

    def live(self, *, scope: str | None = None) -> list[Fact]:
        if scope is None:
            return self._facts("state = 'live'")
        return self._facts("state = 'live' AND scope = ?", scope)

    def everything(self, *, scope: str | None = None) -> list[Fact]:
        """Whatever became of it, but for what was forgotten."""
        if scope is None:
            return self._facts("state <> 'forgotten'")
        return self._facts("state <> 'forgotten' AND scope = ?", scope)

    def scopes(self) -> list[str]:
        """Those that live facts have, sorted."""
        with telling(self.path):
            rows = self.db.execute("SELECT DISTINCT scope FROM fact WHERE state = 'live' ORDER BY scope")
            return [scope for (scope,) in rows]

    def about(self, subject: str, attribute: str, scope: str) -> list[Fact]:
        """The live facts that answer the same, oldest first."""
        if not subject or not attribute:
            return []
        return self._facts(
            "state = 'live' AND subject <> '' AND subject = ? AND attribute = ? AND scope = ?",
            subject, attribute, scope,
        )  # fmt: skip

    def saying(self, text: str, scope: str) -> list[Fact]:
        """Live facts with all the words of ``text`` in their order, and perhaps more."""
        words = same(text)
        if not words:
            return []
        return self._facts(
            "state = 'live' AND scope = ? AND id IN (SELECT rowid FROM words WHERE words MATCH ? LIMIT 100)",
            scope, f'"{words}"',
        )  # fmt: skip

    def expired(self, at: int) -> list[Fact]:
        return self._facts("state = 'live' AND expires IS NOT NULL AND expires <= ?", at)

    def count(self) -> int:
        """Of live facts."""
        with telling(self.path):
            return self.db.execute("SELECT count(*) FROM fact WHERE state = 'live'").fetchone()[0]

    def is_vetoed(self, fact: Fact) -> bool:
        """The person took it back or forgot it before."""
        with telling(self.path):
            return (
                self.db.execute("SELECT 1 FROM veto WHERE mark = ?", (self._mark(fact),)).fetchone()
                is not None
            )

    def keyed(self, key: str) -> Revision | None:
        found = self._revisions("key = ?", key)
        return found[0] if found else None

    def revision(self, number: int) -> Revision:
        found = self._revisions("number = ?", number)
        if not found:
            raise NotFound(f"there is no revision {number}", fix="List them with: meshclaw memory log")
        return found[0]

    def revisions(self, last: int = -1) -> list[Revision]:
        """The newest first."""
        return self._revisions("1 ORDER BY number DESC LIMIT ?", last)

    def untold(self) -> list[Revision]:
        """Those whose event is not known to be in the ledger, oldest first."""
        return self._revisions("told = 0 ORDER BY number")

    def steps(self, number: int) -> list[Step]:
        """What the revision did."""
        self.revision(number)
        return [
            Step(
                kind=kind, undone=undone,
                gone=tuple(self.get(one.fact) for one in changes if one.was == "live"),
                come=tuple(self.get(one.fact) for one in changes if one.now == "live"),
            )
            for place, kind, undone in self._operations(number)
            for changes in [self._changes(number, place)]
        ]  # fmt: skip

    def touching(self, id_: int) -> list[Revision]:
        """The revisions that changed this fact, oldest first."""
        return self._revisions("number IN (SELECT revision FROM change WHERE fact = ?) ORDER BY number", id_)

    def made_of(self, id_: int) -> list[Fact]:
        """The facts whose place it took."""
        return self._facts(_MADE_OF, id_)

    def relatives(self, ids: list[int]) -> list[Fact]:
        """These, those whose place they took, and those that were merged of any of them: their words are in there."""
        found: dict[int, Fact] = {}
        todo = [self.get(id_) for id_ in ids]
        while todo:
            fact = todo.pop()
            if fact.id not in found:
                found[fact.id] = fact
                todo += [*self._facts(_MADE_OF, fact.id), *self._facts(_MERGED_INTO, fact.id)]
        return [fact for fact in found.values() if fact.state != "forgotten"]

    def is_clean(self) -> bool:
        """Nothing of what was forgotten is left in the file; else the next one to open it wipes it."""
        with telling(self.path):
            return not file.is_unclean(self.db)

    def nights(self, last: int = -1) -> list[Night]:
        """The newest first."""
        with telling(self.path):
            rows = self.db.execute("SELECT body FROM night ORDER BY rowid DESC LIMIT ?", (last,)).fetchall()
        return [msgspec.json.decode(body, type=Night) for (body,) in rows]

    # -- inside --------------------------------------------------------------------------

    def _begin(self, *, by: By, key: str, at: int, run: str = "", undoes: int = 0) -> int:
        added = self.db.execute(
            "INSERT INTO revision (at, by, run, key, undoes, salt, digest) VALUES (?, ?, ?, ?, ?, ?, '')",
            (at, by, run, key, undoes, file.new_salt()),
        )
        return int(added.lastrowid or 0)

    def _end(self, number: int) -> Revision:
        [salt] = self.db.execute("SELECT salt FROM revision WHERE number = ?", (number,)).fetchone()
        digest = digest_of((salt, self.steps(number)))
        self.db.execute("UPDATE revision SET digest = ? WHERE number = ?", (digest, number))
        return self.revision(number)

    def _note(
        self, number: int, place: int, kind: str, changes: Sequence[Change], of: tuple[int, int] = (0, 0)
    ) -> None:
        self.db.execute(
            "INSERT INTO operation (revision, place, kind, of_revision, of_place) VALUES (?, ?, ?, ?, ?)",
            (number, place, kind, *of),
        )
        self.db.executemany(
            "INSERT INTO change VALUES (?, ?, ?, ?, ?)",
            [(number, place, one.fact, one.was, one.now) for one in changes],
        )
        if of[0]:
            self.db.execute("UPDATE operation SET undone = ? WHERE revision = ? AND place = ?", (number, *of))

    def _do(self, one: Operation, at: int) -> Iterator[Change]:
        match one:
            case Add():
                yield self._insert(one.fact, at)
            case Supersede() | Merge():
                state: State = "merged" if isinstance(one, Merge) else "superseded"
                for id_ in dict.fromkeys(one.of):
                    yield self._set(self._live(id_), state)
                yield self._insert(one.fact, at)
            case Expire():
                yield self._set(self._live(one.of), "expired")

    def _live(self, id_: int) -> Fact:
        fact = self.get(id_)
        if fact.state != "live":
            raise UserError(
                f"memory {id_} is {fact.state} and cannot be changed", fix=f"See: meshclaw memory why {id_}"
            )
        return fact

    def _insert(self, fact: Fact, at: int) -> Change:
        added = self.db.execute(
            "INSERT INTO fact (text, trust, source, scope, subject, attribute, learned, expires, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'live')",
            (
                fact.text, fact.trust, msgspec.json.encode(fact.source), fact.scope, fact.subject, fact.attribute,
                fact.learned or at, fact.expires,
            ),
        )  # fmt: skip
        id_ = int(added.lastrowid or 0)
        self.db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (id_, fact.text))
        return Change(id_, "absent", "live")

    def _set(self, fact: Fact, state: State) -> Change:
        """A live fact is in the index, and no other."""
        self.db.execute("UPDATE fact SET state = ? WHERE id = ?", (state, fact.id))
        if fact.state == "live":
            self._unindex(fact)
        elif state == "live":
            self.db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (fact.id, fact.text))
            self.db.execute("DELETE FROM veto WHERE mark = ?", (self._mark(fact),))
        if state == "withdrawn":
            self._veto(fact)
        return Change(fact.id, fact.state, state)

    def _unindex(self, fact: Fact) -> None:
        self.db.execute(
            "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (fact.id, fact.text)
        )

    def _veto(self, fact: Fact) -> None:
        self.db.execute("INSERT OR IGNORE INTO veto VALUES (?)", (self._mark(fact),))

    def _mark(self, fact: Fact) -> bytes:
        """Keyed with a salt of this file: told again where it comes again, and not readable."""
        what = "\0".join((fact.subject, fact.attribute, same(fact.text)))
        return blake2b(what.encode("utf-8", "surrogatepass"), digest_size=16, key=self._salt).digest()

    def _open_places(self, number: int, fact: int | None) -> list[int]:
        """Places of the operations of ``number`` that can be taken back."""
        self.revision(number)
        found: list[int] = []
        taken_back = 0
        for place, kind, undone in self._operations(number):
            facts = {one.fact for one in self._changes(number, place)}
            if (fact is not None and fact not in facts) or kind == "forget":
                continue
            taken_back = taken_back or undone
            found += [] if undone else [place]
        if not found and taken_back:
            raise UserError(
                f"revision {number} was taken back already, by revision {taken_back}",
                fix=f"To have it again: meshclaw memory undo {taken_back}",
            )
        if not found:
            raise UserError(
                f"there is nothing in revision {number} that can be taken back",
                fix="What was forgotten is gone; see the rest with: meshclaw memory log",
            )
        return found

    def _reverse(self, number: int, place: int) -> Iterator[Change]:
        for one in reversed(self._changes(number, place)):
            fact = self.get(one.fact)
            if fact.state == "forgotten":
                continue
            if fact.state != one.now:
                later = self.touching(one.fact)[-1].number
                raise UserError(
                    f"revision {later} has changed memory {one.fact} since revision {number}",
                    fix=f"Take that one back first: meshclaw memory undo {later}",
                )
            yield self._set(fact, "withdrawn" if one.was == "absent" else one.was)
        [of] = self.db.execute(
            "SELECT of_revision, of_place FROM operation WHERE revision = ? AND place = ?", (number, place)
        )
        if of[0]:  # an undo taken back: what it took back counts again
            self.db.execute("UPDATE operation SET undone = 0 WHERE revision = ? AND place = ?", of)

    def _erase(self, fact: Fact) -> Change:
        if fact.state == "live":
            self._unindex(fact)
        self._veto(fact)
        self.db.execute("DELETE FROM vector WHERE fact = ?", (fact.id,))
        self.db.execute(
            "UPDATE fact SET text = '', subject = '', attribute = '', scope = '', source = ?, expires = NULL, "
            "state = 'forgotten' WHERE id = ?",
            (msgspec.json.encode(Source(what="typed")), fact.id),
        )
        return Change(fact.id, fact.state, "forgotten")

    def _operations(self, number: int) -> list[tuple[int, str, int]]:
        """Place, kind, and what took it back."""
        with telling(self.path):
            return self.db.execute(
                "SELECT place, kind, undone FROM operation WHERE revision = ? ORDER BY place", (number,)
            ).fetchall()

    def _changes(self, number: int, place: int) -> list[Change]:
        with telling(self.path):
            rows = self.db.execute(
                "SELECT fact, was, now FROM change WHERE revision = ? AND place = ? ORDER BY fact",
                (number, place),
            ).fetchall()
        return [Change(*row) for row in rows]

    def _facts(self, where: str, *values: object) -> list[Fact]:
        with telling(self.path):
            rows = self.db.execute(f"SELECT {_FACT} FROM fact WHERE {where} ORDER BY id", values).fetchall()  # noqa: S608 - fixed words
        return [fact_of(row) for row in rows]

    def _revisions(self, where: str, *values: object) -> list[Revision]:
        with telling(self.path):
            rows = self.db.execute(
                f"SELECT number, at, by, run, undoes, digest FROM revision WHERE {where}",  # noqa: S608 - fixed words
                values,
            ).fetchall()
            return [
                Revision(
                    number=number, at=at, by=by, run=run, undoes=undoes, digest=digest, counts=self._counts(number)
                )
                for number, at, by, run, undoes, digest in rows
            ]  # fmt: skip

    def _counts(self, number: int) -> dict[str, int]:
        return dict(
            self.db.execute(
                "SELECT kind, count(*) FROM operation WHERE revision = ? GROUP BY kind ORDER BY kind",
                (number,),
            ).fetchall()
        )


_SAME_STEP = "SELECT other.fact FROM change one JOIN change other USING (revision, place) WHERE one.fact = ?"
_MADE_OF = f"id IN ({_SAME_STEP} AND one.was = 'absent' AND other.now IN ('superseded', 'merged'))"
_MERGED_INTO = f"id IN ({_SAME_STEP} AND one.now = 'merged' AND other.was = 'absent')"


def fact_of(row: Sequence[object]) -> Fact:
    id_, text, trust, source, scope, subject, attribute, learned, expires, state = row
    return msgspec.convert(
        {
            "id": id_, "text": text, "trust": trust, "source": _decoder.decode(bytes(source)),  # pyright: ignore[reportArgumentType]
            "scope": scope, "subject": subject, "attribute": attribute, "learned": learned, "expires": expires,
            "state": state,
        },
        Fact, from_attributes=True,
    )  # fmt: skip


def _kind(one: Operation) -> str:
    return str(type(one).__struct_config__.tag)
