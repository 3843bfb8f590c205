"""Who made a change, as far as its own records say: the origin, and each piece of evidence for it."""

from __future__ import annotations

from typing import Literal

import msgspec

Origin = Literal["human", "ai", "bot", "unknown"]
"""``human`` means that no sign of an AI tool was found: signs can be switched off, so it holds some AI work too.
``unknown`` means that there are signs too weak to decide."""

Source = Literal["trailer", "author", "committer", "footer", "note", "trace", "provenance", "session"]
"""Where the evidence stands: in the message, in who made the commit, beside the commit, or in the usage ledger."""

Confidence = Literal["certain", "strong", "weak"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    source: Source
    rule: str
    """Name of the rule that found it, in the rules' file."""
    confidence: Confidence
    origin: Origin
    tool: str = ""
    """Stable name of the AI tool or bot: ``claude-code``, ``copilot``, ``dependabot``."""
    model: str = ""
    session: str = ""
    """Id of the session that made the change, where the evidence names it."""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    origin: Origin
    tool: str = ""
    """Of the strongest evidence; ``several`` where equally strong ones disagree."""
    evidence: tuple[Evidence, ...] = ()
    brought: dict[Origin, int] = {}
    """Of a merge: how many commits of each origin it brought in, merges not counted."""
