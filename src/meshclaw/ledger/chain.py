"""Hash chain, signed heads, and the check that finds the first event that does not fit.

``hash = SHA-256(previous hash || stored canonical bytes)``; the first event follows 32 zero bytes.
A head is a signature over ``{device, event, hash, seq, ts}``. The newest head also stands in the file
``ledger.head`` beside the database, so that cutting off the end of the table is seen as well.
A thief of the device key can still write another history: only a countersignature elsewhere stops that.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import msgspec

from meshclaw.flow.signature import signed_by
from meshclaw.flow.units import canonical
from meshclaw.ledger.device import Device

GENESIS = bytes(32)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The chain's end at one moment, signed by the device."""

    seq: int
    event: str
    """Id of the last event."""
    hash: str
    ts: str
    device: str
    signature: str = ""
    """Ed25519 over the canonical bytes of this object with an empty signature, hex."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    events: int
    """How many events fit, counted from the first."""
    first_bad: str | None = None
    """Id of the first event that does not fit, or of the one that is missing."""
    reason: str = ""


class _Envelope(msgspec.Struct):
    id: str
    kind: str
    run: str


_envelope = msgspec.json.Decoder(_Envelope)


def link(previous: bytes, body: bytes) -> bytes:
    return hashlib.sha256(previous + body).digest()


def sign_head(device: Device, *, seq: int, event: str, hash_: bytes, ts: str) -> Head:
    head = Head(seq=seq, event=event, hash=hash_.hex(), ts=ts, device=device.id)
    return msgspec.structs.replace(head, signature=device.sign(canonical(head)).hex())


def verify(connection: sqlite3.Connection, *, public: bytes, anchor: Path) -> Verdict:
    """Walk every event once, in constant memory."""
    try:
        heads = _heads(connection, anchor)
    except (msgspec.MsgspecError, TypeError) as error:
        return Verdict(ok=False, events=0, reason=f"a signed head cannot be read any more ({error})")
    walk = _Walk(public, heads)
    for row in connection.execute("SELECT seq, id, kind, run, body, hash FROM event ORDER BY seq"):
        if (verdict := walk.step(row)) is not None:
            return verdict
    return walk.end()


def _heads(connection: sqlite3.Connection, anchor: Path) -> dict[int, list[Head]]:
    bodies = [row[0] for row in connection.execute("SELECT body FROM head ORDER BY seq")]
    if anchor.exists():
        bodies.append(anchor.read_bytes())
    heads: dict[int, list[Head]] = {}
    for body in bodies:
        head = msgspec.json.decode(body, type=Head)
        heads.setdefault(head.seq, []).append(head)
    return heads


class _Walk:
    def __init__(self, public: bytes, heads: dict[int, list[Head]]) -> None:
        self._public = public
        self._heads = heads
        self._seq = 0
        self._hash = GENESIS
        self._vouched = 0
        """The last event that a good head vouches for, and the first one behind it."""
        self._first_unvouched: str | None = None

    def step(self, row: tuple[int, str, str, str, bytes, bytes]) -> Verdict | None:
        seq, id_, kind, run, body, stored = row
        # SQLite lets any column hold any type; bytes that became text are a change like any other.
        body = body if isinstance(body, bytes) else repr(body).encode()  # pyright: ignore[reportUnnecessaryIsInstance]
        self._hash = link(self._hash, body)
        if seq != self._seq + 1:
            problem = f"event {self._seq + 1} is missing: the next one there is number {seq}"
        elif self._hash != stored:
            problem = (
                f"event {seq} does not continue the chain: it was changed, moved or put in, "
                "or the one before it was taken out"
            )
        else:
            problem = _column_problem(seq, body, id_, kind, run)
        if problem is not None:
            return Verdict(ok=False, events=self._seq, first_bad=id_, reason=problem)
        self._seq = seq
        self._first_unvouched = self._first_unvouched or id_
        return self._check_heads() if seq in self._heads else None

    def _check_heads(self) -> Verdict | None:
        for head in self._heads.pop(self._seq):
            if (problem := _head_problem(head, self._hash, self._public)) is not None:
                reason = f"events {self._vouched + 1} to {self._seq}: {problem}"
                return Verdict(ok=False, events=self._vouched, first_bad=self._first_unvouched, reason=reason)
        self._vouched, self._first_unvouched = self._seq, None
        return None

    def end(self) -> Verdict:
        if not self._heads:
            return Verdict(ok=True, events=self._seq)
        missing = self._heads[min(self._heads)][0]
        reason = (
            f"the ledger ends at event {self._seq}, but a signed head vouches for event {missing.seq}: "
            "the end was cut off"
        )
        return Verdict(ok=False, events=self._seq, first_bad=missing.event, reason=reason)


def _column_problem(seq: int, body: bytes, id_: str, kind: str, run: str) -> str | None:
    try:
        envelope = _envelope.decode(body)
    except msgspec.DecodeError as error:
        return f"event {seq}: its bytes are not an event ({error})"
    if (envelope.id, envelope.kind, envelope.run) != (id_, kind, run):
        return f"event {seq}: its index columns say something else than its bytes"
    return None


def _head_problem(head: Head, hash_: bytes, public: bytes) -> str | None:
    if head.hash != hash_.hex():
        return "the chain differs from the one this device signed; it was written again"
    unsigned = canonical(msgspec.structs.replace(head, signature=""))
    try:
        signature = bytes.fromhex(head.signature)
    except ValueError:
        signature = b""
    if not signed_by(public, unsigned, signature):
        return "the signature of the chain head is not this device's"
    return None
