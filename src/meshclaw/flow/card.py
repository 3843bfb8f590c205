"""What is kept of a mail after triage: enough for the digest and for ``mail why``, on this machine only."""

from __future__ import annotations

from datetime import datetime

import msgspec

from meshclaw.flow.message import Address, Finding
from meshclaw.flow.placement import Placement


class Card(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    """Where it came from, as the mailbox named it: ``INBOX/ref``, or the file of ``--from-dir``."""
    digest: str
    message_id: str
    sender: Address
    subject: str
    date: datetime | None
    placement: Placement
    findings: tuple[Finding, ...] = ()
