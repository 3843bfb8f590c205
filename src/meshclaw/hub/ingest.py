"""Facts into the journal: each batch once, in its device's order, and acknowledged when it is durable."""

from __future__ import annotations

import hashlib
import queue
import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, insert, select, update

from meshclaw.errors import MeshClawError, Throttled, UserError
from meshclaw.flow.fact import Fact, quarter_of
from meshclaw.flow.mesh import MOST_FACTS, Ack, Batch, Position
from meshclaw.flow.units import canonical
from meshclaw.hub.roster import Device, find_device, today, unit_in
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import writing
from meshclaw.ledger.device import Device as Key

MOST_WAITING = 200
"""Batches that wait for the disk; more are sent away to come again."""
MOST_TOGETHER = 50
"""Batches that share one commit."""
OLDEST, AHEAD = timedelta(days=400), timedelta(days=2)
"""Of a fact's day: what a laptop may have kept, and how far its clock may be wrong."""
_HEX = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[\x21-\x7e]{0,100}")
_MOST = 2**53
_NUMBERS = tuple(field.name for field in msgspec.structs.fields(Fact) if field.type is int)
_NAMES = ("intent", "agent", "tool", "model", "cell", "effect", "verdict", "rule", "outcome")


class Gap(MeshClawError):
    """The batch does not continue what is here; ``position`` is what the device has to send from."""

    code = "gap"

    def __init__(self, position: Position) -> None:
        super().__init__(f"the journal here ends at fact {position.seq}")
        self.position = position


class Waiting(NamedTuple):
    device: Device
    batch: Batch
    ends: str
    """Hash of the journal behind the batch, hex."""
    done: Future[Ack]


def check(batch: Batch) -> str:
    """The hash that the journal has behind ``batch``, hex. Raises UserError, naming the fact, where one is none."""
    if not 0 < len(batch.facts) <= MOST_FACTS:
        raise UserError(f"a batch has 1 to {MOST_FACTS:,} facts; this one has {len(batch.facts):,}")
    try:
        hash_ = bytes.fromhex(batch.previous)
    except ValueError:
        hash_ = b""
    if len(hash_) != 32 or batch.first < 1:
        raise UserError("the batch does not say where it goes")
    now = datetime.now(UTC).date()
    for number, fact in enumerate(batch.facts, batch.first):
        if wrong := _problem(fact, now):
            raise UserError(f"fact {number}: {wrong}")
        hash_ = hashlib.sha256(hash_ + canonical(fact)).digest()
    return hash_.hex()


def _problem(fact: Fact, now: date) -> str:
    if not _HEX.fullmatch(fact.id) or not _HEX.fullmatch(fact.who):
        return "id and who are 32 hex digits"
    try:
        day = date.fromisoformat(fact.day)
    except ValueError:
        return f"{fact.day!r} is no day"
    if not now - OLDEST <= day <= now + AHEAD:
        return f"{fact.day} is too long ago, or to come"
    if any(not 0 <= getattr(fact, name) <= _MOST for name in _NUMBERS) or fact.count < 1:
        return "a number is out of range"
    if any(not _NAME.fullmatch(getattr(fact, name)) for name in _NAMES):
        return "a name is longer than 100 characters, or not of printable ASCII"
    return ""


class Ingest:
    """One thread writes; batches that wait at the same moment share a commit."""

    def __init__(self, engine: Engine, key: Key) -> None:
        self._engine = engine
        self._key = key
        self._queue: queue.Queue[Waiting | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write, name="ingest", daemon=True)
        self._thread.start()

    def put(self, device: Device, batch: Batch) -> Future[Ack]:
        """Its answer once it is durable; Gap where it does not fit. Raises Throttled where too many wait."""
        waiting = Waiting(device, batch, check(batch), Future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise Throttled("too many batches wait for the disk") from None
        return waiting.done

    def close(self) -> None:
        """Writes what waits."""
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            together, ends = [first], False
            while len(together) < MOST_TOGETHER and not ends:
                try:
                    one = self._queue.get_nowait()
                except queue.Empty:
                    break
                if one is None:
                    ends = True
                else:
                    together.append(one)
            self._commit(together)
            if ends:
                return

    def _commit(self, together: Sequence[Waiting]) -> None:
        try:
            with writing(self._engine) as connection:
                answers = [self._take(connection, one) for one in together]
        except MeshClawError as error:
            for one in together:
                one.done.set_exception(error)
            return
        for one, answer in zip(together, answers, strict=True):
            if isinstance(answer, MeshClawError):
                one.done.set_exception(answer)
            else:
                one.done.set_result(self._signed(answer))

    def _signed(self, ack: Ack) -> Ack:
        return msgspec.structs.replace(ack, signature=self._key.sign(canonical(ack)).hex())

    @staticmethod
    def _take(connection: Connection, one: Waiting) -> Ack | MeshClawError:
        d, batch = t.device.c, one.batch
        row = connection.execute(
            select(d.seq, d.hash, d.ledger_seq, d.ledger_hash).where(d.id == one.device.id)
        ).one()
        last = batch.first + len(batch.facts) - 1
        again = last <= row.seq
        if not again and (batch.first != row.seq + 1 or batch.previous != row.hash):
            return Gap(Position(seq=row.seq, hash=row.hash))
        known = find_device(connection, one.device.id)
        if known is None or known.revoked:
            return UserError("this device may not send any more")
        seen = today()
        ledger = (row.ledger_seq, row.ledger_hash)
        if batch.ledger_seq > row.ledger_seq:
            ledger = (batch.ledger_seq, batch.ledger_hash)
        ack = Ack(
            device=one.device.id, seq=row.seq if again else last, hash=row.hash if again else one.ends,
            ledger_seq=ledger[0], ledger_hash=ledger[1], day=seen,
        )  # fmt: skip
        if not again:
            _store(connection, one, seen)
        connection.execute(
            update(t.device).where(d.id == ack.device)
            .values(seq=ack.seq, hash=ack.hash, ledger_seq=ack.ledger_seq, ledger_hash=ack.ledger_hash, seen=seen)
        )  # fmt: skip
        return ack


def _store(connection: Connection, one: Waiting, seen: str) -> None:
    by_quarter: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in one.batch.facts:
        by_quarter[quarter_of(date.fromisoformat(fact.day))].append(fact)
    connection.execute(
        insert(t.journal),
        [
            {
                "day": seen, "quarter": quarter, "unit": unit_in(connection, one.device.person, quarter),
                "count": len(facts), "body": msgspec.json.encode(facts),
            }
            for quarter, facts in by_quarter.items()
        ],
    )  # fmt: skip
