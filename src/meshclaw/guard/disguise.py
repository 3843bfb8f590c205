"""Whether a text carries a secret: as it is, or in one of the disguises that a program reads back.

No list of disguises is complete; what keeps a secret in is that nobody undenoted gets the text.
"""

from __future__ import annotations

import base64
import codecs
import re
from functools import lru_cache
from urllib.parse import quote

from meshclaw.guard import text

_SHORTEST = 4
_PART = 6
"""Characters; a part of a secret this long gives it away."""


class Squeezed:
    """A text without whatever may stand between its letters; worked out once for all secrets."""

    def __init__(self, value: str) -> None:
        self.text = squeezed(value)

    def carries(self, secret: str) -> bool:
        return any(form in self.text for form in forms(secret))


def squeezed(value: str) -> str:
    return re.sub(r"[\W_]+", "", text.legible(value)).casefold()


@lru_cache(maxsize=256)
def forms(secret: str) -> frozenset[str]:
    """What to look for: encodings of the whole, and parts of the plain one."""
    if len(secret) < _SHORTEST:
        return frozenset()
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = [
        secret, secret[::-1], raw.hex(), quote(raw), codecs.encode(secret, "rot13"),
        base64.b32encode(raw).decode().rstrip("=")[:-1],
        "".join(str(byte) for byte in raw), "".join(f"{byte:08b}" for byte in raw), *_in_base64(raw),
    ]  # fmt: skip
    whole = squeezed(secret)
    size = max(_PART, len(whole) // 3)
    parts = (
        [whole[at : at + size] for at in range(0, len(whole) - size + 1, size)] if len(whole) > size else []
    )
    return frozenset(form for one in encoded if len(form := squeezed(one)) >= _SHORTEST) | frozenset(parts)


def _in_base64(raw: bytes) -> list[str]:
    """The characters that stay the same wherever in a longer text the secret begins (one of three places)."""
    found: list[str] = []
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        found.append(encoded[(0, 2, 3)[shift] : -1])
    return found
