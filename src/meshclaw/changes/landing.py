"""What became of each commit of a repository, and where to look it up: by its own name, or by what a rewrite leaves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Final, Literal, TypeVar

import msgspec

from meshclaw.code.commits import Commit, Graph
from meshclaw.code.history import History
from meshclaw.flow.attribution import Attribution

Key = TypeVar("Key", int, str)
Fate = Literal["linked", "reworked", "reverted"]
"""Cells of the spend partition; ``linked`` is what still stands."""

REWORK_S: Final = 14 * 86_400
REWORKED: Final = 0.5
"""Of a commit's lines changed or deleted within 14 days: from this share on most of the work was done again."""
SUBJECT: Final = 12
"""Characters of a subject; a shorter one, as ``fix`` or ``wip``, tells no commits apart."""
LISTED = re.compile(r"^[*-] (.+)$", re.MULTILINE)
"""How a squash lists what it holds."""
NUMBER = re.compile(r" \(#\d+\)$")


class Landing(msgspec.Struct, frozen=True, kw_only=True):
    """Commits of the first-parent line are numbered from the oldest on."""

    line: list[str]
    """Their names."""
    fates: list[Fate]
    lines: list[int]
    """Counted lines that each added."""
    commits: dict[str, int]
    """Every commit that the head reaches, by sha: the one of the line that brought it in."""
    authored: dict[int, int]
    """By the second it was first made, which amending and rebasing keep; without seconds that two share."""
    subjects: dict[str, int]
    """By the digest of its subject, also as a squash lists it; without subjects that two share or short ones."""
    sessions: dict[str, list[int]]
    """By a session's id that the evidence names."""
    tools: dict[int, str]
    """AI tool of each commit of the line that has one, ..."""
    times: dict[int, int]
    """... and when it was first made."""


def landing(
    history: History, graph: Graph, attributions: Mapping[str, Attribution], reverted: Collection[str]
) -> Landing:
    numbers = {sha: number for number, sha in enumerate(history.commits.sha)}
    inside = dict(_inside(graph, numbers))
    added, reworked = _lines(history)
    sessions: dict[str, list[int]] = {}
    for sha, number in numbers.items():
        found = attributions.get(sha)
        for session in {piece.session for piece in found.evidence if piece.session} if found else ():
            sessions.setdefault(session, []).append(number)
    signed = ((numbers[sha], found) for sha, found in attributions.items() if sha in numbers)
    tools = {number: found.tool for number, found in signed if found.origin == "ai"}

    def fate(sha: str, number: int) -> Fate:
        if sha in reverted:
            return "reverted"
        return "reworked" if added[number] and reworked[number] >= REWORKED * added[number] else "linked"

    return Landing(
        line=list(numbers), fates=[fate(sha, number) for sha, number in numbers.items()],
        lines=[added[number] for number in numbers.values()], commits=inside,
        authored=_unique((graph.commits[sha].authored, number) for sha, number in inside.items()),
        subjects=_unique(_subjects(graph, inside)), sessions=sessions, tools=tools,
        times={number: graph.commits[sha].authored for sha, number in numbers.items() if number in tools},
    )  # fmt: skip


def _inside(graph: Graph, numbers: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for sha, number in numbers.items():
        if sha in graph.commits:
            yield sha, number
        yield from ((inner, number) for inner in graph.landed.get(sha, ()))


def _lines(history: History) -> tuple[Counter[int], Counter[int]]:
    """Counted lines that each commit added, and those of them that died within 14 days."""
    batches, files, at = history.batches, history.files, history.commits.at
    added, reworked = Counter[int](), Counter[int]()
    counts = [
        files.kind[file] == "source" and not long
        for file, long in zip(batches.file, batches.long, strict=True)
    ]
    for batch, root in enumerate(batches.root):
        if root == batch and counts[batch]:
            added[batches.commit[batch]] += batches.lines[batch]
    for batch, ended, lines in zip(
        history.deaths.batch, history.deaths.commit, history.deaths.lines, strict=True
    ):
        born = batches.commit[batch]
        if counts[batch] and at[ended] - at[born] <= REWORK_S:
            reworked[born] += lines
    return added, reworked


def _subjects(graph: Graph, inside: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for sha, number in inside.items():
        for subject in subjects(graph.commits[sha]):
            yield digest(subject), number


def subjects(commit: Commit) -> set[str]:
    """Its own, and those that it lists."""
    said = {commit.subject, *LISTED.findall(commit.message)}
    return {subject for one in said if len(subject := plain(one)) >= SUBJECT}


def plain(subject: str) -> str:
    """Without the number that a forge puts behind it."""
    return NUMBER.sub("", " ".join(subject.split()))


def digest(subject: str) -> str:
    """Nothing that somebody wrote is kept."""
    return blake2b(subject.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _unique(pairs: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    """Keys that lead to one commit of the line alone."""
    found: dict[Key, int] = {}
    for key, number in pairs:
        found[key] = number if found.get(key, number) == number else -1
    return {key: number for key, number in found.items() if number >= 0}
