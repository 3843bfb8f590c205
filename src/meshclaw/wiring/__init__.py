"""Builds the parts from the settings. Only faces import this."""

from __future__ import annotations

from meshclaw.wiring.claw import Claw, open_claw

__all__ = ["Claw", "open_claw"]
