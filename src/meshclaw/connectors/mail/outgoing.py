"""How an account sends: which server, as whom, and where its own copy goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Outgoing(Protocol):
    def send(self, raw: bytes, recipients: Sequence[str]) -> None:
        """Errors before the end of the data mean that nothing was sent; ``Uncertain`` that it may have been."""
        ...
