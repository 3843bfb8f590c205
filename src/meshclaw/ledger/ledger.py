"""The one writer and every reader of events."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

import msgspec

from meshclaw.errors import Damaged, NotFound
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import ClockStepped
from meshclaw.flow.units import canonical, new_ids, utc_now
from meshclaw.ledger import chain, content
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.device import Device
from meshclaw.ledger.file import File
from meshclaw.sqlite import telling

if TYPE_CHECKING:
    from meshclaw.flow.event.union import AnyEvent

SCHEMA = f"""
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, run TEXT NOT NULL,
  body BLOB NOT NULL, hash BLOB NOT NULL);
CREATE INDEX event_kind_run ON event (kind, run);
CREATE TABLE head (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
{content.SCHEMA}
CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER event_remains BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events never go'); END;
"""

TOLERATED_STEP_MS = 1_000
"""Clocks are steered back by fractions of a second all the time; only more is worth an event."""

E = TypeVar("E", bound=Event)


def kind_of(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    hash: str
    event: AnyEvent


class Ledger:
    """``folder`` holds ``ledger.db``, ``ledger.head`` and the device's key. Any number of threads may use it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self._anchor = folder / "ledger.head"
        self.device = Device(folder)
        cut_to_nothing = self._anchor.exists() and not (self.path.exists() and self.path.stat().st_size)
        if cut_to_nothing:
            raise Damaged(
                f"{str(self.path)!r} is gone or empty, but a signed head vouches for events in it",
                fix="Restore the last copy of ledger.db; to start over, move ledger.head away too.",
            )
        self._file = File(self.path, SCHEMA)
        self.contents = ContentStore(self._file)
        self._last = (0, 0)
        """Number and time of the last event this process knows of, milliseconds."""

    # -- writing -------------------------------------------------------------------------

    def record(self, *events: Event) -> list[Event]:
        """Stamp, chain and store; on disk when this returns, all of them or none."""
        if not events:
            return []
        with self.writing():
            return self._append(events)

    def soon(self, *events: Event) -> None:
        """Store with this thread's next write, before what that one stores: a commit less, and what is told later is
        told in order. Whoever reads such a kind in this thread has it stored first; a kill may lose it."""
        mine = self._file.mine
        if mine.connection.in_transaction:
            self._append(events)
        else:
            mine.soon += events

    @contextmanager
    def writing(self, *, synced: bool = True) -> Generator[None]:
        """Hold the writer's place: what is read in the block stays true until what it records is stored.

        All that the block records is on disk when it ends, with the contents it names; where it raises, none of it is.
        Not ``synced``, a loss of power may take it away as if it had ended a moment earlier; a kill never does.
        """
        mine = self._file.mine
        if mine.connection.in_transaction:
            yield
            return
        waiting, mine.soon = mine.soon, []
        try:
            with telling(self.path), self._file.writing(synced=synced):
                self._append(waiting)
                yield
                if mine.rows:
                    self._db.executemany(
                        "INSERT OR IGNORE INTO content VALUES (?, ?)", list(mine.rows.items())
                    )
        except BaseException:
            mine.soon, self._last = waiting, (0, 0)
            raise
        mine.rows.clear()

    def flush(self) -> None:
        """Store what this thread wanted stored soon."""
        if self._file.mine.soon:
            with self.writing():
                pass

    @property
    def is_writing(self) -> bool:
        """This thread holds the writer's place."""
        return self._db.in_transaction

    @property
    def _db(self) -> sqlite3.Connection:
        return self._file.mine.connection

    def _append(self, events: Sequence[Event]) -> list[Event]:
        if not events:
            return []
        seq, previous = self._end()
        stamped = self._stamp(events, seq)
        rows: list[tuple[int, str, str, str, bytes, bytes]] = []
        for event in stamped:
            body = canonical(event)
            previous = chain.link(previous, body)
            seq += 1
            rows.append((seq, event.id, kind_of(type(event)), event.run, body, previous))
        self._db.executemany("INSERT INTO event VALUES (?,?,?,?,?,?)", rows)
        return stamped

    def _end(self) -> tuple[int, bytes]:
        row = self._db.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (0, chain.GENESIS)

    def _stamp(self, events: Sequence[Event], seq: int) -> list[Event]:
        """``seq``: number of the last one there is."""
        now = utc_now()
        now_ms = int(now.timestamp() * 1000)
        last_ms = self._time_of(seq)
        if now_ms < last_ms - TOLERATED_STEP_MS:
            import logging  # with all that it imports: clocks seldom go back

            logging.getLogger(__name__).warning(
                "The clock of this machine went back by %.1f s since the last event. Nothing is lost: events "
                "keep their order; times in between are wrong. Check the clock if you did not set it.",
                (last_ms - now_ms) / 1000,
            )
            events = (ClockStepped(back_ms=last_ms - now_ms), *events)
        # Ids stay sorted even where the clock does not.
        id_ms = max(now_ms, last_ms) if now_ms >= last_ms - TOLERATED_STEP_MS else now_ms
        ts = timestamp(now)
        device = self.device.id
        self._last = (seq + len(events), id_ms)
        return [
            msgspec.structs.replace(event, id=id_, ts=ts, device=device)
            for event, id_ in zip(events, new_ids(len(events), id_ms), strict=True)
        ]

    def _last_event_ms(self) -> int:
        """Of the last event, whoever wrote it: a step back that another process saw is one for this one too."""
        return self._time_of(self.newest())

    def _time_of(self, seq: int) -> int:
        """Milliseconds; 0 for the one before the first."""
        if seq and seq != self._last[0]:
            self._last = (seq, self._time_ms(seq))
        return self._last[1] if seq else 0

    def _time_ms(self, seq: int) -> int:
        [body] = self._db.execute("SELECT body FROM event WHERE seq = ?", (seq,)).fetchone()
        return int(parse_timestamp(_decode(seq, body).ts).timestamp() * 1000)

    def sign_head(self) -> chain.Head | None:
        """Sign the chain's end unless the newest head already does; None in an empty ledger."""
        self.flush()
        with telling(self.path):
            if (known := self._signed()) is not None or not self.newest():
                return known
            with self.writing():  # of several that sign, the last one signs what is last
                if (known := self._signed()) is not None:
                    return known
                row = self._db.execute("SELECT seq, id, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
                head = chain.sign_head(
                    self.device, seq=row[0], event=row[1], hash_=row[2], ts=timestamp(utc_now())
                )
                self._db.execute("INSERT OR IGNORE INTO head VALUES (?, ?)", (head.seq, canonical(head)))
                self._write_anchor(canonical(head))
        return head

    def _signed(self) -> chain.Head | None:
        """The head at the chain's end, where it is signed already."""
        query = "SELECT body FROM head WHERE seq = (SELECT max(seq) FROM event)"
        row = self._db.execute(query).fetchone()
        return msgspec.json.decode(row[0], type=chain.Head) if row else None

    def _write_anchor(self, data: bytes) -> None:
        partial = self._anchor.with_suffix(".head.part")
        partial.write_bytes(data)
        partial.replace(self._anchor)

    # -- reading -------------------------------------------------------------------------

    def events(self, *kinds: type[E], run: str | None = None, after: int = 0) -> Iterator[E]:
        """Events in order, oldest first; all kinds where none is named."""
        return (stored.event for stored in self.stored(*kinds, run=run, after=after))  # pyright: ignore[reportReturnType]

    def stored(self, *kinds: type[Event], run: str | None = None, after: int = 0) -> Iterator[Stored]:
        """As ``events``, with sequence number and hash."""
        mine = self._file.mine
        if mine.soon and (not kinds or any(isinstance(one, kinds) for one in mine.soon)):
            self.flush()
        where = ["seq > ?"]
        values: list[int | str] = [after]
        if kinds or run is not None:
            names = [kind_of(kind) for kind in kinds or _all_kinds()]  # the one index starts with the kind
            # The plus keeps SQLite off that index where the few events behind ``after`` are read in their order.
            column = "+kind" if after and run is None else "kind"
            where.append(f"{column} IN ({','.join('?' * len(names))})")
            values += names
        if run is not None:
            where.append("run = ?")
            values.append(run)
        query = f"SELECT seq, hash, body FROM event WHERE {' AND '.join(where)} ORDER BY seq"  # noqa: S608 - fixed words
        with telling(self.path):
            for seq, hash_, body in mine.connection.execute(query, values):
                yield Stored(seq=seq, hash=hash_.hex(), event=_decode(seq, body))

    def get(self, prefix: str) -> Stored:
        """The one event whose id starts with ``prefix``."""
        with telling(self.path):
            rows = self._db.execute(
                "SELECT seq, hash, body FROM event WHERE id >= ? AND id < ? LIMIT 2", (prefix, prefix + "g")
            ).fetchall()
        if len(rows) != 1:
            count = "no event has" if not rows else "several events have"
            raise NotFound(
                f"{count} an id that starts with {prefix!r}", fix="List them with: meshclaw ledger tail"
            )
        seq, hash_, body = rows[0]
        return Stored(seq=seq, hash=hash_.hex(), event=_decode(seq, body))

    def newest(self) -> int:
        """Sequence number of the last event; 0 in an empty ledger."""
        return self._end()[0]

    def before(self, age: timedelta) -> int:
        """Number of the last event that is at least ``age`` old, however often the clock went back since; else 0."""
        steps = [
            (stored.seq, stored.event.back_ms)
            for stored in self.stored(ClockStepped)
            if isinstance(stored.event, ClockStepped)
        ]
        now_ms = int(self.now().timestamp() * 1000)
        limit_ms = age / timedelta(milliseconds=1)

        def is_younger(seq: int) -> bool:
            gained = sum(back for at, back in steps if at > seq)
            return now_ms + gained - self._time_ms(seq) < limit_ms

        with telling(self.path):
            return bisect_left(range(1, self.newest() + 1), True, key=is_younger)

    def verify(self) -> chain.Verdict:
        self.flush()
        with telling(self.path):
            return chain.verify(self._db, public=self.device.public, anchor=self._anchor)

    def now(self) -> datetime:
        """The clock, but never behind the last event: setting it back revives no expired approval."""
        return max(utc_now(), datetime.fromtimestamp(self._last_event_ms() / 1000, UTC))

    def close(self) -> None:
        """Of every thread's connection; what one of them still wanted stored is."""
        try:
            self._file.inherit(ended=False)
            self.flush()
        finally:
            self._file.close()


def _all_kinds() -> tuple[type[Event], ...]:
    from meshclaw.flow.event.union import AnyEvent  # who only writes need not know every kind

    return get_args(AnyEvent)


@cache
def _decoder() -> msgspec.json.Decoder[AnyEvent]:
    from meshclaw.flow.event.union import decoder

    return decoder


def _decode(seq: int, body: bytes) -> AnyEvent:
    try:
        return _decoder().decode(body)
    except msgspec.MsgspecError as error:
        raise Damaged(
            f"event {seq} cannot be read ({error})", fix="See which ones hold: meshclaw ledger verify"
        ) from error


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse_timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
