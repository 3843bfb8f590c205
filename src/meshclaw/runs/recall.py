"""What a run has read so far, from the ledger and the content store: the same after a restart as before."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex

import msgspec

from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.flow.run import Run
from meshclaw.guard.history import History
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs import conversation
from meshclaw.runs.seal import restore


def recall(
    ledger: Ledger,
    contents: ContentStore,
    run: Run,
    declaration: Callable[[str], Declaration | None],
    *,
    before: int | None = None,
) -> History:
    """With what was read earlier in its conversation; a yes of then is none now.

    ``before``: a place in the ledger; what happened from there on is not yet known.
    """
    history = History()
    for id_ in [*(one.run for one in conversation.before(ledger, run.after)), run.id]:
        _take(history, ledger, contents, id_, declaration, before=before, is_own=id_ == run.id)
    return history


def _take(
    history: History, ledger: Ledger, contents: ContentStore, run: str,
    declaration: Callable[[str], Declaration | None], *, before: int | None, is_own: bool,
) -> None:  # fmt: skip
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
                approved = is_own and was.rule == "approval"
                history.add(restore(contents, was), declared, value, approved=approved)


def keep(contents: ContentStore, values: list[object]) -> list[str]:
    """Digests of what was brought back, salted; empty where there was nothing."""
    digests = iter(contents.put((token_hex(16), value) for value in values if value is not None))
    return ["" if value is None else next(digests) for value in values]


def kept(contents: ContentStore, digest: str) -> object:
    return msgspec.json.decode(contents.get(digest), type=tuple[str, object])[1]
