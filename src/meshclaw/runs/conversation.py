"""Runs that follow one another: each goes on with the conversation of the one before it."""

from __future__ import annotations

import msgspec

from meshclaw.errors import UserError
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.request import Trust
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger

LONGEST = 50
"""Runs of a conversation that are looked back at."""


def before(ledger: Ledger, run: str) -> list[RunStarted]:
    """``run`` and those before it, oldest first; empty for no run."""
    found: dict[str, RunStarted] = {}
    while run and run not in found and len(found) < LONGEST:
        started = next(iter(ledger.events(RunStarted, run=run)), None)
        if started is None:
            break
        found[run] = started
        run = started.after
    return list(found.values())[::-1]


def words_of(contents: ContentStore, started: RunStarted) -> str:
    """What the person wrote; empty where only an intent was declared."""
    return msgspec.json.decode(contents.get(started.words), type=tuple[str, str])[1] if started.words else ""


def earlier(ledger: Ledger, contents: ContentStore, after: str, trust: Trust) -> tuple[str, ...]:
    """The words that led to ``after``, oldest first; only those of somebody who is trusted as this one is."""
    runs = before(ledger, after)
    return tuple(filter(None, (words_of(contents, one) for one in runs if one.trust == trust)))


def check(ledger: Ledger, contents: ContentStore, after: str, agent: str, subject: str) -> None:
    """UserError unless a run of ``agent`` on ``subject`` can go on where ``after`` ended."""
    last = before(ledger, after)[-1:]
    if not last or last[0].agent != agent:
        raise UserError(
            "a conversation goes on with the agent that it began with",
            fix="Leave out --continue to begin a new one.",
        )
    if msgspec.json.decode(contents.get(last[0].subject), type=str) != subject:
        raise UserError(
            "a conversation goes on about the mailbox that it began with",
            fix="Leave out --continue to begin a new one.",
        )
