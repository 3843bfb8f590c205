"""Ledger: the record of everything, and whether it holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import get_args

import msgspec

from meshclaw.cli.ledger import told
from meshclaw.flow.event.union import AnyEvent
from meshclaw.home.page import Page, Shown, Visit
from meshclaw.ledger.chain import Verdict
from meshclaw.ledger.ledger import Stored, kind_of
from meshclaw.runs.run import tell

MOST = 100
MOST_TOLD = 200
"""Characters of an event in the list; its own page has all of it."""
KINDS = {kind_of(kind): kind for kind in get_args(AnyEvent)}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    id: str
    at: str
    kind: str
    run: str
    told: str


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    lines: Sequence[Line]
    """Newest first."""
    kinds: Sequence[str]
    kind: str
    run: str
    before: int
    """Number below which older ones are shown; 0 where there are none."""
    newest: int
    verdict: Verdict | None
    """None where nobody asked to verify."""
    device: str


class One(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    hash: str
    body: str


def tail(visit: Visit) -> Shown:
    ledger, kind = visit.claw.ledger, visit.query.get("kind", "")
    run = visit.query.get("run", "").strip()
    whole = tell(ledger, visit.claw.contents, run).run.id if run else ""
    before = visit.query.get("before", "")
    end = int(before) if before.isdecimal() and len(before) < 16 else ledger.newest() + 1
    kinds = [KINDS[kind]] if kind in KINDS else []
    # Where nothing is left out the last ones are found by their number alone.
    after = max(0, end - 1 - MOST) if not kinds and not whole else 0
    lines = _last(ledger.stored(*kinds, run=whole or None, after=after), end)
    context = Tail(
        lines=lines, kinds=sorted(KINDS), kind=kind, run=run, newest=ledger.newest(), device=ledger.device.id,
        before=lines[-1].seq if len(lines) == MOST else 0, verdict=ledger.verify() if "verify" in visit.query else None,
    )  # fmt: skip
    return Shown(title="Ledger", template="ledger.html", context=context)


def _last(stored: Iterable[Stored], end: int) -> list[Line]:
    """The last ``MOST`` below number ``end``, newest first."""
    found = deque((one for one in stored if one.seq < end), maxlen=MOST)
    return [
        Line(
            seq=one.seq, id=one.event.id, at=one.event.ts, kind=kind_of(type(one.event)), run=one.event.run,
            told=told(one.event)[:MOST_TOLD],
        )
        for one in reversed(found)
    ]  # fmt: skip


def one(visit: Visit) -> Shown:
    stored = visit.claw.ledger.get(visit.path["id"])
    body = msgspec.json.format(msgspec.json.encode(stored.event), indent=2).decode()
    return Shown(
        title=f"Event {stored.seq}", template="event.html", context=One(seq=stored.seq, hash=stored.hash, body=body)
    )  # fmt: skip


PAGE = Page(name="Ledger", path="/ledger", shows={"/ledger": tail, "/ledger/{id}": one})
