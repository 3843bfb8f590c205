"""The second person: whose signed answer counts, and for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshclaw.flow.approval import Approval, SecondAnswer
from meshclaw.flow.declaration import Declaration

TWO_PERSON: frozenset[str] = frozenset({"deploy", "spend", "admin"})
"""Effects that take two persons where no ceiling says otherwise."""


NEED = "two_person"
"""What a policy's ask needs where it wants two persons, too."""


def needs_two(declaration: Declaration, two_person: frozenset[str], needs: Sequence[str] = ()) -> bool:
    """``two_person``: effects and verbs; ``needs``: of the ask, where a layer asks."""
    return declaration.effect in two_person or declaration.verb in two_person or NEED in needs


def approver(second: SecondAnswer, approvers: Mapping[str, bytes]) -> str | None:
    """The name under which the ceiling lists the key; None where it does not."""
    return next((name for name, key in approvers.items() if key.hex() == second.key.lower()), None)


def problem(approval: Approval, second: SecondAnswer, approvers: Mapping[str, bytes]) -> str | None:
    """Why this answer does not count for this approval, one clause; None where it does.

    ``approvers`` must not hold the key of the person's own device: one person is not two.
    """
    if approver(second, approvers) is None:
        return "the other answer is signed with a key that the ceiling does not list for another person"
    if second.approval != approval.id or second.digest != approval.digest:
        return "the other answer is for another action"
    if not approval.shown or second.shown != approval.shown:
        return "the other person was shown something else"
    if not second.is_signed():
        return "the signature of the other answer does not fit"
    if second.answer != "allowed":
        return "the other person said no"
    return None
