"""Facts into the journal: each batch once, in its device's order, and acknowledged when it is durable."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, Row, bindparam, insert, select, update

from meshclaw.errors import MeshClawError, Refused, Throttled, UserError
from meshclaw.flow.fact import Fact, quarter_of
from meshclaw.flow.mesh import MOST_FACTS, Ack, Batch, Position
from meshclaw.flow.units import canonical
from meshclaw.hub.roster import Device, today, unit_in
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import writing
from meshclaw.ledger.device import Device as Key

MOST_WAITING = 200
"""Batches that wait for the disk; more are sent away to come again."""
MOST_TOGETHER = 50
"""Batches that share one commit."""
OLDEST, AHEAD = timedelta(days=400), timedelta(days=2)
"""Of a fact's day: what a laptop may have kept, and how far its clock may be wrong."""


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
    """The hash that the journal has behind ``batch``, hex. Raises UserError where a day is none that can be told."""
    if not 0 < len(batch.facts) <= MOST_FACTS:
        raise UserError(f"a batch has 1 to {MOST_FACTS:,} facts; this one has {len(batch.facts):,}")
    try:
        hash_ = bytes.fromhex(batch.previous)
    except ValueError:
        hash_ = b""
    if len(hash_) != 32 or batch.first < 1:
        raise UserError("the batch does not say where it goes")
    now = datetime.now(UTC).date()
    days = {fact.day for fact in batch.facts}
    for day in sorted(days):
        if wrong := _problem(day, now):
            raise UserError(wrong)
    for fact in batch.facts:
        hash_ = hashlib.sha256(hash_ + canonical(fact)).digest()
    return hash_.hex()


def _problem(day: str, now: date) -> str:
    try:
        at = date.fromisoformat(day)
    except ValueError:
        return f"{day!r} is no day"
    return "" if now - OLDEST <= at <= now + AHEAD else f"{day} is too long ago, or to come"


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
                answers = _take_in(connection, together)
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


def _take_in(connection: Connection, together: Sequence[Waiting]) -> list[Ack | MeshClawError]:
    """An answer for each. Statements are few, however many batches there are."""
    day, answers, rows = today(), list[Ack | MeshClawError](), list[dict[str, object]]()
    standing = _standing(connection, {one.device.id for one in together})
    for one in together:
        answer = _answer(one, standing[one.device.id], day)
        answers.append(answer)
        if isinstance(answer, Ack):
            if answer.seq > standing[one.device.id].seq:
                rows += _rows(connection, one, day)
            standing[one.device.id] = Standing(answer)
    if rows:
        connection.execute(insert(t.journal), rows)
    if moved := [one.ack for one in standing.values() if one.ack is not None]:
        connection.execute(_MOVE, [{**msgspec.structs.asdict(ack), "id_": ack.device} for ack in moved])
    return answers


class Standing:
    """Where a device's journal ends; ``ack`` once that changed."""

    def __init__(self, at: Row[*tuple[Any, ...]] | Ack) -> None:
        self.ack = at if isinstance(at, Ack) else None
        self.seq, self.hash, self.ledger_seq, self.ledger_hash = (
            at.seq,
            at.hash,
            at.ledger_seq,
            at.ledger_hash,
        )
        self.refused = not isinstance(at, Ack) and bool(at.revoked or not at.active)


_D = t.device.c
_WHERE = select(
    _D.id, _D.seq, _D.hash, _D.ledger_seq, _D.ledger_hash, _D.revoked, t.person.c.active
).join(t.person, t.person.c.id == _D.person)  # fmt: skip
_MOVE = (
    update(t.device)
    .where(_D.id == bindparam("id_"))
    .values(
        seq=bindparam("seq"), hash=bindparam("hash"), ledger_seq=bindparam("ledger_seq"),
        ledger_hash=bindparam("ledger_hash"), seen=bindparam("day"),
    )
)  # fmt: skip


def _standing(connection: Connection, devices: set[str]) -> dict[str, Standing]:
    return {row.id: Standing(row) for row in connection.execute(_WHERE.where(_D.id.in_(sorted(devices))))}


def _answer(one: Waiting, at: Standing, day: str) -> Ack | MeshClawError:
    if at.refused:
        return Refused("this device was revoked, or its person left")
    batch, last = one.batch, one.batch.first + len(one.batch.facts) - 1
    again = last <= at.seq
    if not again and (batch.first != at.seq + 1 or batch.previous != at.hash):
        return Gap(Position(seq=at.seq, hash=at.hash))
    newer = batch.ledger_seq > at.ledger_seq
    return Ack(
        device=one.device.id, day=day, seq=at.seq if again else last, hash=at.hash if again else one.ends,
        ledger_seq=batch.ledger_seq if newer else at.ledger_seq,
        ledger_hash=batch.ledger_hash if newer else at.ledger_hash,
    )  # fmt: skip


def _rows(connection: Connection, one: Waiting, day: str) -> list[dict[str, object]]:
    by_quarter: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in one.batch.facts:
        by_quarter[quarter_of(date.fromisoformat(fact.day))].append(fact)
    return [
        {
            "day": day, "quarter": quarter, "unit": unit_in(connection, one.device.person, quarter),
            "count": len(facts), "body": msgspec.json.encode(facts),
        }
        for quarter, facts in by_quarter.items()
    ]  # fmt: skip
