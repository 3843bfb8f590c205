"""Each connector's declarations are reviewed once and pinned by their hash; a changed one does nothing until reviewed.

The connectors that come with MeshClaw are pinned here; others by the person, as facts in the ledger,
where an agent cannot reach.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.guard import ConnectorReviewed
from meshclaw.flow.units import digest_of
from meshclaw.guard.context import Context


def pin(declarations: Iterable[Declaration]) -> str:
    """One hash over all that a connector declares, whatever the order."""
    return digest_of(sorted(one.digest for one in declarations))


SHIPPED = {
    "coding": "ace529f9ba717f4ea147294b1176de919f02411819537bb9fe57243e2e2f34bb",
    "mail": "862cf87a94271c2feecbc03371f0c761f79980360b6bc52f9fc36b35c0e3f23a",
    "memory": "3554d6a9f4ae5747667f471913acedd5f2d3db128eaffbde1c14d1ed098da8c9",
    "skill": "73a0a21355112a96c731858cbd36fe86ef8bdf2b361c481f22bfd1520469e6f4",
    "slack": "7600c1ce0dbe78acdc261fd0041b785d023e42b89fcb45e8a77a4234c8f606a8",
}
"""By connector, what was reviewed with this version. Whoever changes a manifest reads the change as an attacker would
and then writes the new pin here; ``tests/guard/test_review.py`` prints it."""


def reviewed(facts: Iterable[ConnectorReviewed]) -> dict[str, str]:
    """By connector, the pin that counts: ours, or the person's newest word."""
    return {**SHIPPED, **{fact.connector: fact.pin for fact in facts}}


def check(action: Action, context: Context) -> Decision | None:
    if context.declaration is None or context.reviewed:
        return None
    return deny(
        "review",
        f"what the connector {action.connector!r} declares is not what was reviewed; "
        f"look at it with: meshclaw connectors review {action.connector}",
    )
