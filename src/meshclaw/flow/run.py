"""One piece of work from request to finish."""

from __future__ import annotations

from typing import Literal, TypedDict

import msgspec

from meshclaw.flow.request import Request

RunState = Literal["running", "waiting", "frozen", "done", "failed", "cancelled", "undone"]
"""``running`` without a living process means: stopped in the middle, can be resumed.
``waiting`` means that an approval is open, ``frozen`` that it wanted to ask too much and may only read."""


class Named(TypedDict):
    """What every event of a run carries."""

    run: str
    intent: str
    agent: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    request: Request
    agent: str
    subject: str = ""
    """What it works on, as in ``maildir:/home/ada/Mail``."""
    parent: str = ""
    """The run that started this one for a part of its work: what this one uses counts on that one too."""
    after: str = ""
    """The run whose conversation this one goes on with."""
    model: str = ""
    """The class or the model that it asks; empty where it asks none."""

    @property
    def named(self) -> Named:
        return Named(run=self.id, intent=self.request.intent, agent=self.agent)
