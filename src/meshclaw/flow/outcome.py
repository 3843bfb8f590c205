"""What became of a receipt."""

from __future__ import annotations

from typing import Literal

OutcomeState = Literal["stood", "edited", "undone", "reworked", "reverted", "rejected", "ignored", "pending"]
