"""A policy that permits everything, for tests of what the other layers do."""

from __future__ import annotations

from collections.abc import Iterable

from meshclaw.flow.declaration import Declaration
from meshclaw.guard.policy.policies import Policies, from_texts


def permit_all(declarations: Iterable[Declaration]) -> Policies:
    return from_texts(declarations, person="permit (principal, action, resource);")
