"""The kill switch as found: while it is there nothing is done in the world."""

from __future__ import annotations

from typing import Literal

import msgspec


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    by: Literal["person", "fleet"]
    reason: str
