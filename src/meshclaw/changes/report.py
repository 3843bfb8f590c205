"""The nouns of ``meshclaw code report``: what the terminal, the page and programs are given.

Shares are of lines unless their name says commits; every one stands with how much it rests on and its 95 % interval.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from meshclaw.changes.sample import Excluded, Layers

VERSION: Final = "1"
"""Of the definitions below; a number is only comparable with one of the same version."""

FEW_LINES: Final = 100
FEW_COMMITS: Final = 10
"""With less than either, pages say *too few* instead of a share: ten commits that agree leave room for a quarter of the
next ones to differ."""

DEFINITIONS: Final = {
    "s14": (
        "Share of added lines alive 14 days after the commit that added them (Kaplan-Meier; lines younger than that "
        "count for as long as they were seen). A line that only got other white space lives on; one that was changed "
        "or moved to another file died and another was born. s30 and s90 are the same at 30 and 90 days."
    ),
    "rework14": (
        "Of the lines whose 14 days are over, the share that was changed or deleted within them."
    ),
    "churn14": (
        "1 - s14: lines changed or deleted within two weeks, as GitClear names churn."
    ),
    "churn_ratio": (
        "Lines that these commits deleted, whoever had written them, over the lines that they added, as Faros names "
        "churn. It is a number of its own and not a share."
    ),
    "reverts": (
        "Commits that a later one took back: by its message, by the inverse of the same change, or by the same content "
        "restored."
    ),
    "fixes": "Commits after which a commit that calls itself a fix changed the same lines.",
    "cycle": (
        "From the first commit of a branch to its merge, by the clocks of those who made them; branches that were "
        "squashed or rebased are not in it."
    ),
    "matched": (
        "Human lines of the same repository since its first AI line, weighted so that languages, ages of the files and "
        "sizes of the changes have the shares that they have among the lines they stand beside."
    ),
    "hazard_ratio": (
        "How many times as fast lines die as the matched ones (Cox, stratified by the same kinds): above 1 sooner, "
        "below 1 later."
    ),
    "interval": (
        "95 %, clustered by the commit that began the lines and by the one that ended them: lines of one commit are no "
        "independent facts."
    ),
}  # fmt: skip


class Share(msgspec.Struct, frozen=True, kw_only=True):
    share: float | None
    """None where nothing was seen for so long."""
    low: float | None
    high: float | None
    lines: int
    """That it rests on; of a share of commits, 0."""
    commits: int

    @property
    def is_few(self) -> bool:
        return self.commits < FEW_COMMITS or 0 < self.lines < FEW_LINES


class Point(msgspec.Struct, frozen=True, kw_only=True):
    day: int
    share: float
    low: float
    high: float


class Survival(msgspec.Struct, frozen=True, kw_only=True):
    s14: Share
    s30: Share
    s90: Share
    rework14: Share
    curve: list[Point]
    """At fixed days, up to the last one that any line was seen for."""


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    merges: int
    median_hours: float
    p85_hours: float
    """Nearest rank."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of one origin, or of one tool."""

    name: str
    commits: int
    added: int
    alive: int
    died: int
    survival: Survival
    churn_ratio: float | None
    deleted: int
    reverts: int
    reverted: Share
    """Of the commits."""
    fixes: int
    fixed: Share
    """Of the commits."""
    cycle: Cycle | None


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    ratio: float
    low: float
    high: float | None
    """None where it has no bound."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of AI, or of one tool, beside others weighted to be like them."""

    of: str
    beside: str
    """``human``, or ``other tools``."""
    compared: Survival
    """Those of the lines that have others like them."""
    matched: Survival
    """The others, weighted."""
    of_lines: int
    of_matched: int
    """Lines that have others like them; the rest stands beside nothing."""
    hazard_ratio: Ratio | None
    is_few: bool
    """On either side."""


class Caveat(msgspec.Struct, frozen=True, kw_only=True):
    about: str
    """Stable name: ``lower bound``, ``shallow``, ..."""
    text: str


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """One, or several together."""

    names: list[str]
    heads: list[str]
    commits: int
    first: int
    until: int
    """Unix seconds."""
    since: int | None
    added: int
    died: int
    alive: int
    by_origin: dict[str, Group]
    by_tool: dict[str, Group]
    comparisons: list[Comparison]
    layers: Layers
    excluded: dict[str, Excluded]
    caveats: list[Caveat]


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of the sessions on this machine that made changes in these repositories, by what became of those.

    All of a session counts, also calls that declared an exploration, which the spend partition has apart.
    """

    micros: dict[str, int]
    """Of a dollar, by cell of the spend partition."""
    sessions: dict[str, int]
    standing: int
    """Commits of main that the sessions in the cell ``linked`` made."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    why: str
    fix: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    repositories: list[Repository]
    """Each by itself, in the order of their names."""
    together: Repository
    """All of them; the only one itself where there is one."""
    failed: list[Failed]
    spend: Spend | None = None
    """None where no session of this machine is known to have worked in them."""
    definitions: dict[str, str]
    version: str


def day(at: int) -> str:
    """UTC, of Unix seconds. Clocks may be so wrong that no calendar has the day."""
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, OSError, ValueError):
        return "a day no calendar has"
