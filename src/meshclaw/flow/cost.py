"""What one action takes out of a budget."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, get_args

import msgspec

What = Literal["reads", "changes", "calls", "recipients", "files", "deploys", "money", "inference"]
WHAT: tuple[What, ...] = get_args(What)


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """One field for each thing that a budget limits."""

    reads: int = 0
    changes: int = 0
    """Drafts, labels and writes that can be taken back."""
    calls: int = 0
    """All that is neither a read nor a change."""
    deploys: int = 0
    money: int = 0
    """Micro-dollars."""
    inference: int = 0
    """Micro-dollars for the answers of models."""
    recipients: tuple[str, ...] = ()
    """Keyed marks of the destinations: equal ones can be told, and nobody else can tell whose they are."""
    files: tuple[str, ...] = ()
    """Keyed marks of the files it changes."""

    @cached_property
    def parts(self) -> list[tuple[What, int | tuple[str, ...]]]:
        """What is not nothing."""
        return [(what, value) for what in WHAT if (value := getattr(self, what))]

    def tried(self) -> Cost:
        """What stays of it where the action certainly did not happen: an attempt is an attempt."""
        return Cost(reads=self.reads, changes=self.changes, calls=self.calls)
