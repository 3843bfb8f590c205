"""Ids, times, digests and canonical bytes: the units every other noun is made of."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime

import msgspec

_encoder = msgspec.json.Encoder(order="sorted")


def new_id(at_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then random bits."""
    ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    value = (ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def utc_now() -> datetime:
    return datetime.now(UTC)


def canonical(value: object) -> bytes:
    """The one byte form that is hashed, signed and stored: JSON, keys sorted, no white space."""
    return _encoder.encode(value)


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_of(value: object) -> str:
    """SHA-256 over the canonical bytes, in hex."""
    return sha256_hex(canonical(value))
