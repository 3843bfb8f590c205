"""What tools sent by OTLP: stored, and remembered who sent how much and when last."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from meshclaw.flow.usage import Unread, Usage
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.readers.all import OTLP
from meshclaw.usage.importing import Importer

HEARD = "heard"
MOST_SENDERS = 50
"""Whoever sends may call themselves what they like; the others are remembered together."""
OTHERS = "others"


class Heard(msgspec.Struct, frozen=True):
    """What one tool has sent."""

    usages: int
    """Calls and sums of calls, each as often as it was sent."""
    last_ms: int
    """Unix milliseconds, by our clock."""


def heard(store: UsageStore) -> dict[str, Heard]:
    """By tool."""
    text = store.setting(HEARD)
    return msgspec.json.decode(text, type=dict[str, Heard]) if text else {}


def receive(importer: Importer, found: Sequence[Usage | Unread]) -> None:
    """All of it is stored when this returns or, where the store is busy, none of it."""
    importer.received(found, OTLP.tool, partial(_remember, found=found))


def _remember(store: UsageStore, found: Iterable[Usage | Unread]) -> None:
    known, now = heard(store), time.time_ns() // 1_000_000
    for tool, count in Counter(usage.tool for usage in found if isinstance(usage, Usage)).items():
        name = tool if tool in known or len(known) < MOST_SENDERS else OTHERS
        before = known[name].usages if name in known else 0
        known[name] = Heard(before + count, now)
    store.set(HEARD, msgspec.json.encode(known).decode())
