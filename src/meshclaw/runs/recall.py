"""What a run has read so far, from the ledger and the content store: the same after a restart as before."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex

import msgspec

from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.guard.history import History
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.seal import restore


def recall(
    ledger: Ledger,
    contents: ContentStore,
    run: str,
    declaration: Callable[[str], Declaration | None],
    *,
    before: int | None = None,
) -> History:
    """``before``: a place in the ledger; what happened from there on is not yet known."""
    history = History()
    decided: dict[str, ActionDecided] = {}
    for stored in ledger.stored(ActionDecided, ActionPerformed, run=run):
        if before is not None and stored.seq >= before:
            break
        if isinstance(stored.event, ActionDecided):
            decided[stored.event.external_id] = stored.event
        elif isinstance(stored.event, ActionPerformed):
            was = decided[stored.event.external_id]
            declared = declaration(was.verb)
            if declared is not None:
                value = kept(contents, stored.event.value) if stored.event.value else None
                history.add(restore(contents, was), declared, value, approved=was.rule == "approval")
    return history


def keep(contents: ContentStore, values: list[object]) -> list[str]:
    """Digests of what was brought back, salted; empty where there was nothing."""
    digests = iter(contents.put((token_hex(16), value) for value in values if value is not None))
    return ["" if value is None else next(digests) for value in values]


def kept(contents: ContentStore, digest: str) -> object:
    return msgspec.json.decode(contents.get(digest), type=tuple[str, object])[1]
