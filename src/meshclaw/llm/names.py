"""A verb as a tool name that every server takes: ``mail.move`` is ``mail__move``."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

MOST = 64
"""Characters: the shortest limit, OpenAI's and Bedrock's."""
_WORD = r"[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*"
_PLAIN = re.compile(rf"(?=[A-Za-z]){_WORD}(?:\.{_WORD})*")
"""Verbs whose name can be read back: no word of it begins or ends with ``_`` or has two together."""


@lru_cache(maxsize=4096)
def name_of(verb: str) -> str:
    """Two verbs never have one name: a plain name has no ``___`` in it, and any other ends with a digest."""
    name = verb.replace(".", "__")
    if _PLAIN.fullmatch(verb) and len(name) <= MOST:
        return name
    readable = re.sub(r"[^A-Za-z0-9-]+", "_", verb)[:40]
    return f"v_{readable}___{sha256(verb.encode()).hexdigest()[:16]}"
