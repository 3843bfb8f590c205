"""What the work had cost: each session's cost in one cell, by what became of the commits it made.

A commit belongs to a session that its own evidence names. Else it belongs to the session whose call was the last one
before it, in the same work tree, on the same branch where both are known, within ``AFTER_MS``; where the clone does not
remember what was made in it, a commit of the same AI tool counts in its place. A session without any commit stays
unlinked: nobody knows what it was for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final, get_args

from meshclaw.changes.landing import SUBJECT, Landing, digest, plain
from meshclaw.changes.reflog import Made
from meshclaw.flow.usage import Cell, Link
from meshclaw.ledger.usage.store import Moment

CELLS: tuple[Cell, ...] = get_args(Cell)
AFTER_MS: Final = 30 * 60_000
"""People look at a change and run its tests before they commit it; after half an hour it is somebody else's."""
MOST_CALLS: Final = 10_000
"""Looked at for one commit: of all that ran in that half hour."""
ABANDONED_S: Final = 30 * 86_400
"""A branch without a commit for a month is not being worked on."""


Session = tuple[str, str]
"""Tool and id."""


Lives = Callable[[str], bool]
"""Whether a commit that is not on the line is on a branch that is being worked on."""


def link(
    moments: Sequence[Moment], made: Sequence[Made], landing: Landing, lives: Lives, before: Sequence[Link] = (),
    *, repository: str,
) -> list[Link]:  # fmt: skip
    """``moments``: in the order of their times, of this repository alone. ``before``: what git has forgotten since."""
    commits: dict[Session, set[str]] = {(old.tool, old.session): set(old.commits) for old in before}
    for tool, session in {(moment.tool, moment.session) for moment in moments}:
        for number in landing.sessions.get(session, ()):
            commits.setdefault((tool, session), set()).add(landing.line[number])
    for one in made or list(_signed(landing)):
        if session := _session(one, moments):
            commits.setdefault(session, set()).add(one.sha)
    known = {one.sha: one for one in made}
    found: list[Link] = []
    for (tool, session), shas in sorted(commits.items()):
        places = {sha: landed(sha, known.get(sha), landing) for sha in shas}
        cell = _cell(places, landing, lives)
        names = {sha if number is None else landing.line[number] for sha, number in places.items()}
        found.append(
            Link(tool=tool, session=session, cell=cell, commits=sorted(names), repository=repository)
        )
    return found


def _signed(landing: Landing) -> Iterator[Made]:
    """Commits of the line that an AI tool signed, as if they had been made here."""
    for number, tool in landing.tools.items():
        yield Made(sha=landing.line[number], at=landing.times[number], tool=tool)


def _session(one: Made, moments: Sequence[Moment]) -> Session | None:
    """Of the last call before it."""
    end = bisect_right(moments, one.at * 1000 + 999, key=lambda moment: moment.at)
    for moment in reversed(moments[max(0, end - MOST_CALLS) : end]):
        if one.at * 1000 - moment.at > AFTER_MS:
            return None
        if (
            (not one.tool or one.tool == moment.tool)
            and (not one.branch or not moment.branch or one.branch == moment.branch)
            and (not one.folder or PurePath(moment.folder).is_relative_to(one.folder))
        ):
            return moment.tool, moment.session
    return None


def landed(sha: str, made: Made | None, landing: Landing) -> int | None:
    """The commit of the line that brought it in: itself, amended or rebased, or listed by a squash."""
    if sha in landing.commits:
        return landing.commits[sha]
    if made is None:
        return None
    if made.at in landing.authored:
        return landing.authored[made.at]
    subject = plain(made.subject)
    return landing.subjects.get(digest(subject)) if len(subject) >= SUBJECT else None


def _cell(places: Mapping[str, int | None], landing: Landing, lives: Lives) -> Cell:
    """That of most of the lines that landed; of what has not landed, whether anything of it is still worked on."""
    lines: Counter[Cell] = Counter()
    for number in {number for number in places.values() if number is not None}:
        lines[landing.fates[number]] += max(1, landing.lines[number])
    if lines:
        return max(CELLS, key=lambda cell: lines[cell])
    return "open" if any(lives(sha) for sha in places) else "abandoned"
