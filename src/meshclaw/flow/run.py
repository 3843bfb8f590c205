"""One piece of work from request to finish."""

from __future__ import annotations

from typing import Literal

import msgspec

from meshclaw.flow.request import Request

RunState = Literal["running", "waiting", "done", "failed", "cancelled", "undone"]
"""``running`` without a living process means: stopped in the middle, can be resumed.
``waiting`` means that an approval is open."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    request: Request
    agent: str
    subject: str = ""
    """What it works on, as in ``maildir:/home/ada/Mail``."""
