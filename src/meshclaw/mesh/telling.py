"""A day that is over becomes facts, facts become batches, and what the hub acknowledged is kept as a proof."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

from meshclaw.errors import Damaged, Throttled
from meshclaw.flow.event.base import Event
from meshclaw.flow.mesh import MOST_FACTS
from meshclaw.ledger.ledger import Ledger
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.mesh.client import Behind, Client
from meshclaw.mesh.journal import Journal
from meshclaw.mesh.sums import TOLD, Sums, facts, of_calls, of_events
from meshclaw.settings.mesh import Membership

EPOCH = date(1970, 1, 1)
BACK = timedelta(days=30)
"""How far calls are looked for that were read late: a tool's files may be weeks behind."""
TRIES = 5


def collect(
    journal: Journal, ledger: Ledger, usage: UsageStore | None, *,
    membership: Membership, person_key: bytes, shared: frozenset[str], today: date,
) -> int:  # fmt: skip
    """Facts of every day before ``today`` that are not told yet, since the enrolment; how many were added."""
    since, until = date.fromisoformat(membership.since), today - timedelta(days=1)
    if until < since:
        return 0
    events, read = _closed(ledger, journal.read, since, until)
    worked = of_events(events, shared)
    called = Sums()
    if usage is not None:
        first = max(since, until - BACK)
        called = journal.new(of_calls(usage.days_whole((first - EPOCH).days, (until - EPOCH).days)))
    before = journal.length
    return journal.add(facts(worked + called, person_key), called, read=read) - before


def _closed(ledger: Ledger, after: int, since: date, until: date) -> tuple[list[Event], int]:
    """Events behind number ``after`` up to the end of day ``until``, and the number of the last one looked at."""
    found: list[Event] = []
    for stored in ledger.stored(*TOLD, after=after):
        day = stored.event.ts[:10]
        if day > until.isoformat():
            break
        after = stored.seq
        if day >= since.isoformat():
            found.append(stored.event)
    return found, after


def push(
    journal: Journal, client: Client, ledger: Ledger, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Send what the hub does not have; how many facts it acknowledged. Raises what keeps it from that.

    A hub that was restored from an old backup gets again what it lost. Damaged where it has what we never told.
    """
    at, sent, tries = journal.acknowledged, 0, 0
    while (batch := journal.batch(at, MOST_FACTS, _end_of(ledger))) is not None:
        try:
            ack = client.send(batch)
        except Behind as error:
            at = _agreed(journal, error.position.seq, error.position.hash)
        except Throttled as error:
            tries += 1
            if tries == TRIES:
                raise
            sleep(error.retry_after or 2.0**tries)
        else:
            sent, at, tries = sent + len(batch.facts), _agreed(journal, ack.seq, ack.hash), 0
            journal.keep_ack(ack)
    return sent


def _agreed(journal: Journal, seq: int, hash_: str) -> int:
    """Where hub and claw both stand."""
    if journal.hash_at(seq) != hash_:
        raise Damaged(
            "the hub has facts under this device's name that it never told",
            fix="Tell your security team; nothing more is sent.",
        )
    return seq


def _end_of(ledger: Ledger) -> tuple[int, str]:
    head = ledger.sign_head()
    return (head.seq, head.hash) if head else (0, "")
