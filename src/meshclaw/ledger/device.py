"""The device's Ed25519 key (RFC 8032): it signs chain heads, and it never leaves this machine."""

from __future__ import annotations

import hmac
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from meshclaw.errors import Damaged
from meshclaw.flow.units import sha256_hex

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Device:
    """Opens or makes the key in ``folder``; ``cryptography`` is loaded only when something is signed."""

    def __init__(self, folder: Path) -> None:
        self._private_path = folder / "device.key"
        self._public_path = folder / "device.pub"
        if not self._private_path.exists():
            self._make()
        self.public = _read_key(self._public_path)
        self.id = sha256_hex(self.public)[:16]

    def _make(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate()
        _write_once(self._public_path, key.public_key().public_bytes_raw(), 0o644)
        _write_once(self._private_path, key.private_bytes_raw(), 0o600)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(_read_key(self._private_path))

    def mark(self, name: str) -> str:
        """A keyed digest (HMAC, RFC 2104): equal names can be told on this device, and nobody else can guess them."""
        return hmac.digest(_read_key(self._private_path), b"mark:" + name.encode(), "sha256").hex()[:16]


def _read_key(path: Path) -> bytes:
    data = path.read_bytes() if path.exists() else b""
    if len(data) != 32:  # both halves of an Ed25519 key are 32 bytes
        raise Damaged(
            f"the device key {str(path)!r} is missing or has {len(data)} bytes instead of 32",
            fix="Restore it from your backup; without it the old chain heads cannot be verified.",
        )
    return data


def _write_once(path: Path, data: bytes, mode: int) -> None:
    """Written whole under its final rights before it gets its name."""
    partial = path.with_suffix(path.suffix + ".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(path)
