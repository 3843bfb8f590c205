"""What happens to an action: decided, then performed, failed or unknown."""

from __future__ import annotations

import msgspec

from meshclaw.flow.action import Value
from meshclaw.flow.cost import Cost
from meshclaw.flow.decision import Verdict
from meshclaw.flow.declaration import Effect
from meshclaw.flow.event.base import Event
from meshclaw.flow.receipt import Undo


class ActionDecided(Event, frozen=True, kw_only=True, tag="action.decided"):
    """The guard's word, stored before the deed. An ``allow`` reserves ``external_id``."""

    external_id: str
    """The same action of the same run always has the same id: 32 hex digits."""
    verb: str
    """``connector.verb``."""
    effect: Effect
    """Declared by the connector."""
    digest: str
    """SHA-256 over verb and arguments: what an approval is bound to."""
    arguments: dict[str, Value]
    """References, amounts and times in clear."""
    sealed: dict[str, str]
    """Digest of every other argument; its value is in the content store only."""
    undoes: str
    """External id of the action that this one takes back, or empty."""
    verdict: Verdict
    """allow, ask or deny."""
    rule: str
    """Stable label of the deciding rule."""
    reason: str = ""
    """One sentence without content."""
    labels: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Where the value of each target comes from, by argument."""
    inputs: str = ""
    """Digest in the content store of what else the decision depended on: enough to decide it again."""
    cost: Cost = Cost()
    """What an ``allow`` takes out of the budgets; what is not named is none of it."""
    approval: str = ""
    """Id of the approval that this ``allow`` uses up; it comes back only where the action certainly failed."""
    policies: tuple[str, ...] = ()
    """Ids of the policies that permitted, asked or forbade, as in ``company:freeze``."""


class ActionPerformed(Event, frozen=True, kw_only=True, tag="action.performed"):
    """The receipt."""

    external_id: str
    """Of the action."""
    link: str
    """Where to look."""
    undo: Undo | None
    """The action that takes it back."""
    found: bool = False
    """True where a probe found it done after a crash."""
    value: str = ""
    """Digest in the content store of what it brought back, kept where a request's own words were judged."""


class ActionFailed(Event, frozen=True, kw_only=True, tag="action.failed"):
    """It certainly did not happen."""

    external_id: str
    """Of the action."""
    error: str
    """Stable code of the error."""


class ActionUnknown(Event, frozen=True, kw_only=True, tag="action.unknown"):
    """It may have happened; a probe found no proof either way. Never repeated by itself."""

    external_id: str
    """Of the action."""
    error: str
    """Stable code of the error."""
