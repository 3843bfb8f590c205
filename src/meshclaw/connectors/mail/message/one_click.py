"""One-click unsubscribing as RFC 8058 allows it, and nothing else."""

from __future__ import annotations

import re
from typing import NamedTuple

from meshclaw.connectors.mail.message.authentication import Signature
from meshclaw.connectors.mail.message.headers import Headers

_FIELDS = ("list-unsubscribe", "list-unsubscribe-post")
_TARGET = re.compile(r"<\s*(https://[^\s<>]{4,2000})\s*>", re.IGNORECASE)
_ONE_CLICK = re.compile(r"list-unsubscribe\s*=\s*one-click", re.IGNORECASE)


class Unsubscribe(NamedTuple):
    url: str = ""
    covered: bool = False
    offered: bool = False
    """Any List-Unsubscribe field at all."""


def read_unsubscribe(headers: Headers, passed: tuple[tuple[Signature, ...], ...]) -> Unsubscribe:
    """The https target if both fields are there exactly once.

    A second field is refused: a signature covers the lowest one (RFC 6376 §5.4.2), so a line put on
    top of a signed mail would be read first and be covered by nothing.
    """
    if not headers.count("list-unsubscribe"):
        return Unsubscribe()
    target = _TARGET.search(headers.first("list-unsubscribe"))
    asked = _ONE_CLICK.fullmatch(headers.first("list-unsubscribe-post").strip())
    if target is None or asked is None or any(headers.count(field) != 1 for field in _FIELDS):
        return Unsubscribe(offered=True)
    return Unsubscribe(target[1], any(_covered(group) for group in passed), offered=True)


def _covered(group: tuple[Signature, ...]) -> bool:
    return bool(group) and all(field in signature.covers for signature in group for field in _FIELDS)
