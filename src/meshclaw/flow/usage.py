"""One call of an AI tool as one source recorded it: what was used, by which model, for what.

Tokens are kept apart by class and never added up to one number; money is integer micro-dollars.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Evidence = Literal["transcript", "telemetry", "invoice"]
"""What kind of source saw it: the tool's own files, its telemetry, or the vendor's account."""


Why = Literal[
    "malformed", "truncated", "too-long", "clock", "negative", "locked", "denied", "unknown-field", "missing-field",
]  # fmt: skip
"""What was wrong with what could not be read, or not wholly."""


LONG_CALLS = "+200k"
"""Over 200,000 tokens of input, where a dearer price begins."""


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Disjoint but for ``reasoning``, which is part of ``output``."""

    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    tool: int = 0
    """Web searches and the like, counted in requests where a tool reports them."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    tool: str
    """Stable name of the AI tool: ``claude-code``, ``codex``, ``gemini-cli``, ``opencode``, ``openclaw``, ..."""
    evidence: Evidence
    key: str
    """The same call has the same key in every source that names it; else it is unique within its tool."""
    message: str = ""
    """Id of the answer itself, where the source has one beside the key. With it the key tells calls apart, and a side
    chain that replays an answer repeats it under another key."""
    at: int
    """Unix milliseconds, UTC, by the source's own clock."""
    until: int = 0
    """End of the period, exclusive, where the source only reports sums (an invoice by day); 0 for one call."""
    model: str
    """As the source writes it."""
    provider: str = ""
    tokens: Tokens = Tokens()
    credits_milli: int = 0
    """Thousandths of a vendor's credit, where it bills in credits; never turned into tokens."""
    reported_micros: int | None = None
    """What the source itself says it cost; shown beside our price, never taken for it."""
    speed: str = ""
    """``fast`` where a dearer, faster mode was used."""
    service_tier: str = ""
    """As the source writes it; of a sum with ``LONG_CALLS`` at its end, where every call in it was that long."""
    session: str = ""
    repo: str = ""
    """Working folder or repository as the source names it."""
    branch: str = ""
    agent: str = ""
    """Sub-agent or command that made the call, where the source says so."""
    by_machine: bool = False
    """No person set it off: a side chain, a schedule, a heartbeat."""
    declared: str = ""
    """Intent that somebody declared, with its evidence before the colon: ``branch:PAY-311``, ``env:mail.triage``."""
    did: tuple[str, ...] = ()
    """Names of the tools that the call used, for inferring an intent: ``Edit``, ``Bash``, ``Read``."""
    files: tuple[str, ...] = ()
    """Endings of the files it touched: ``py``, ``md``."""


Cell = Literal["linked", "reworked", "reverted", "open", "abandoned"]
"""What became of the commits of a session: they stand, most of their lines were changed within 14 days, they were taken
back, they wait on a branch, or nobody works on that any more."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a session made, and what became of it."""

    tool: str
    session: str
    cell: Cell
    commits: list[str]
    """Of main, where they are there; else as they were made: git forgets them, this does not."""
    repository: str
    """Folder that its work trees share."""


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A place that could not be read, or not wholly; the rest was."""

    path: str
    line: int = 0
    """1 for the first; in a file that is one JSON value, of its records; 0 for the whole file."""
    why: Why
    what: str = ""
    """Name of the field, where it is about one."""
    count: int = 1
