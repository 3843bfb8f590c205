"""Ed25519 signatures (RFC 8032), checked; ``cryptography`` is loaded only where there is one."""

from __future__ import annotations


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """False for whatever is not a valid signature of ``message`` under ``public``, malformed keys included."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def from_hex(text: str) -> bytes:
    """Empty for what is none, which signs nothing."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
