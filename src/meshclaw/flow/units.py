"""Ids, times, digests and canonical bytes: the units every other noun is made of."""

from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import UTC, datetime

import msgspec

_encoder = msgspec.json.Encoder(order="deterministic")


def new_ids(count: int, at_ms: int | None = None) -> list[str]:
    """UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then random bits.

    One call's ids rise by one from a random start (§6.2, method 2), so that they sort in their order.
    """
    ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    high = int.from_bytes(os.urandom(2)) & 0xFFF | 0x7000
    low = int.from_bytes(os.urandom(8)) & 0x1FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    stem = f"{ms & 0xFFFF_FFFF_FFFF:012x}{high:04x}"
    stem = f"{stem[:8]}-{stem[8:12]}-{stem[12:16]}-"
    tails = [f"{low + step:016x}" for step in range(count)]
    return [f"{stem}{tail[:4]}-{tail[4:]}" for tail in tails]


def new_id() -> str:
    return new_ids(1)[0]


def utc_now() -> datetime:
    return datetime.now(UTC)


def canonical(value: object) -> bytes:
    """The one byte form that is hashed, signed and stored.

    JSON without white space; fields in their declared order, the keys of maps sorted.
    """
    try:
        return _encoder.encode(value)
    except (
        UnicodeEncodeError
    ):  # half of a surrogate pair, which no UTF-8 holds: written out, so that it can be told
        return json.dumps(msgspec.to_builtins(value), sort_keys=True, separators=(",", ":")).encode("ascii")


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_of(value: object) -> str:
    """SHA-256 over the canonical bytes, in hex."""
    return sha256_hex(canonical(value))
