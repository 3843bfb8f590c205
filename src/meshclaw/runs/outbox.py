"""Where each action of a run stands, folded from the ledger: this is the outbox."""

from __future__ import annotations

from typing import Literal

import msgspec

from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionPerformed, ActionUnknown
from meshclaw.flow.event.base import Event
from meshclaw.ledger.ledger import Ledger

Stand = Literal["asked", "denied", "reserved", "done", "failed", "unknown"]
"""``reserved`` is the only dangerous one: allowed, and nobody wrote down how it went."""

LOST = "lost"
"""Reserved before a stop, and certainly not done."""

ACTION_EVENTS = (ActionDecided, ActionPerformed, ActionFailed, ActionUnknown)
HELD = "stopped"
"""Allowed, and not begun because the kill switch was there."""

PASSING = frozenset({"operational", "not_reachable", "refused", LOST, HELD})
"""Codes of errors that time may mend: a full disk or quota, a server that is away. A mail that is gone is not."""
_DECIDED: dict[str, Stand] = {"allow": "reserved", "ask": "asked", "deny": "denied"}


class Item(msgspec.Struct, kw_only=True):
    decided: ActionDecided
    stand: Stand
    performed: ActionPerformed | None = None
    error: str = ""
    """Code of the error of the last try."""
    used: frozenset[str] = frozenset()
    """Approvals under which it happened, or may have: they allow nothing more."""

    @property
    def worth_retrying(self) -> bool:
        """It certainly did not happen, and what stood in the way may have gone."""
        return self.stand == "failed" and self.error in PASSING and self.decided.effect != "read"


class Outbox:
    """One run's actions, or all there are, by external id in the order in which they were first decided."""

    def __init__(self, ledger: Ledger, run: str | None = None, *, before: int | None = None) -> None:
        """``before``: a place in the ledger; what came from there on is not looked at."""
        self._ledger = ledger
        self._before = before
        self._run = run
        self._seq = 0
        self.items: dict[str, Item] = {}
        self.refresh()

    def refresh(self) -> dict[str, Item]:
        """Read on from where the last call stopped, whoever wrote what came since."""
        for stored in self._ledger.stored(*ACTION_EVENTS, run=self._run, after=self._seq):
            if self._before is not None and stored.seq >= self._before:
                break
            self._take(stored.event)
            self._seq = stored.seq
        return self.items

    def _take(self, event: Event) -> None:
        match event:
            case ActionDecided():
                before = self.items.get(event.external_id)
                used = (before.used if before else frozenset[str]()) | ({event.approval} - {""})
                self.items[event.external_id] = Item(decided=event, stand=_DECIDED[event.verdict], used=used)
            case ActionPerformed():
                item = self.items[event.external_id]
                item.stand, item.performed = "done", event
            case ActionFailed():
                item = self.items[event.external_id]
                item.stand, item.error = "failed", event.error
                item.used -= {item.decided.approval}  # it certainly did not happen: the yes still stands
            case ActionUnknown():
                item = self.items[event.external_id]
                item.stand, item.error = "unknown", event.error
            case _:
                pass
