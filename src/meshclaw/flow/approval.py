"""A person's answer to an ask, bound to the exact action by its digest."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Answer = Literal["allowed", "denied", "withdrawn"]
"""``withdrawn``: its run was cancelled or undone before anybody answered."""
ApprovalState = Literal["open", "allowed", "denied", "withdrawn", "expired"]


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    digest: str
    run: str
    external_id: str
    verb: str
    rule: str
    asked: datetime
    expires: datetime
    state: ApprovalState = "open"
