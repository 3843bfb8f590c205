"""How much of each thing may be used in a run, an hour, a day."""

from __future__ import annotations

from typing import Annotated, Literal, cast, get_args

import msgspec

from meshclaw.flow.cost import What

Span = Literal["run", "hour", "day"]
SPANS: tuple[Span, ...] = get_args(Span)
UNLIMITED = 2**63 - 1

Count = Annotated[int, msgspec.Meta(ge=0, le=UNLIMITED)]


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of each may be used in one span of time."""

    reads: Count = UNLIMITED
    changes: Count = UNLIMITED
    """Drafts, labels and writes that can be taken back."""
    calls: Count = UNLIMITED
    """All that is neither a read nor such a change."""
    recipients: Count = UNLIMITED
    """Different destinations."""
    files: Count = UNLIMITED
    """Different files changed."""
    deploys: Count = UNLIMITED
    money: Count = UNLIMITED
    """Micro-dollars."""
    inference: Count = UNLIMITED
    """Micro-dollars for the answers of models."""

    def of(self, what: What) -> int:
        return cast("int", getattr(self, what))


class RunWindow(Window, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run and all its sub-agents together."""

    identical: Count = UNLIMITED
    """Times that the same verb may be tried with the same arguments, reads too."""
    questions: Count = UNLIMITED
    """Put to the person after it read what others can write; one more and the run freezes."""
    depth: Count = UNLIMITED
    """Sub-agents of sub-agents below the run that a person or a schedule asked for."""
    children: Count = UNLIMITED
    """Sub-agents that one run may start."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    run: RunWindow = RunWindow()
    hour: Window = Window()
    day: Window = Window()

    def of(self, span: Span) -> Window:
        return cast("Window", getattr(self, span))
