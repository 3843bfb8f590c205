"""Where each action of a run stands, folded from the ledger: this is the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionPerformed, ActionUnknown

Stand = Literal["asked", "denied", "reserved", "done", "failed", "unknown"]
ActionEvent = ActionDecided | ActionPerformed | ActionFailed | ActionUnknown
ACTION_EVENTS = (ActionDecided, ActionPerformed, ActionFailed, ActionUnknown)


class Item(msgspec.Struct, kw_only=True):
    decided: ActionDecided
    stand: Stand
    performed: ActionPerformed | None = None


def outbox(events: Iterable[ActionEvent]) -> dict[str, Item]:
    """By external id, in the order in which they were first decided.

    ``reserved`` is the only dangerous one: allowed, and nobody wrote down how it went.
    """
    items: dict[str, Item] = {}
    for event in events:
        if isinstance(event, ActionDecided):
            stand: Stand = {"allow": "reserved", "ask": "asked", "deny": "denied"}[event.verdict]  # pyright: ignore[reportAssignmentType]
            items[event.external_id] = Item(decided=event, stand=stand)
            continue
        item = items[event.external_id]
        if isinstance(event, ActionPerformed):
            item.stand, item.performed = "done", event
        else:
            item.stand = "failed" if isinstance(event, ActionFailed) else "unknown"
    return items
