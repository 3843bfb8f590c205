"""Whether sessions of AI tools wrote what a commit added, told line by line by digests.

After the published recipe for contribution metrics: sessions from 21 days before a commit to 2 days after it count, and
what was rewritten by more than a fifth is not attributed. Two bounds are ours: a part of the lines that is too large to
be chance is a weak sign, and so is a match of hardly any lines. The recipe counts a change from its first such line on;
here that would make every commit beside a busy session one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from meshclaw.flow.attribution import Evidence
from meshclaw.flow.written import Written

DAY = 86_400
BEFORE = 21 * DAY
AFTER = 2 * DAY
MOST_REWRITTEN = 0.2
FEWEST_LINES = 3
"""Distinct lines for a strong sign."""
LEAST_SHARE = 0.2
"""Of the lines for a weak one."""
MOST_PIECES = 5
RULE = "session-lines"


def session_lines(added: Collection[bytes], at: int, sessions: Iterable[Written]) -> list[Evidence]:
    """Evidence of each session that brought lines no other one did, the largest part first.

    ``added``: digests of the lines that one commit added to files that count, by the key of the sessions; ``at``: its
    time in Unix seconds; ``sessions``: those of its repository.
    """
    left = set(added)
    near = [one for one in sessions if -BEFORE <= one.at / 1000 - at <= AFTER]
    parts: list[Written] = []
    while left and near:
        best = max(near, key=lambda one: (len(left & one.lines), one.at))
        if not left & best.lines:
            break
        parts.append(best)
        left -= best.lines
    matched = len(set(added)) - len(left)
    if not parts or matched < LEAST_SHARE * len(set(added)):
        return []
    is_strong = matched >= FEWEST_LINES and len(left) <= MOST_REWRITTEN * len(set(added))
    return [
        Evidence(
            source="session", rule=RULE, confidence="strong" if is_strong else "weak", origin="ai",
            tool=part.tool, model=part.model, session=part.session,
        )
        for part in parts[:MOST_PIECES]
    ]  # fmt: skip
