"""What sessions on this machine wrote, looked for in a repository's commits: evidence where nobody signed anything.

Transcripts of Claude Code hold the lines that it wrote. They are compared by digests under a key that ends with the
report; no line is stored or shown.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Final

from meshclaw.changes.reflog import work_trees
from meshclaw.code.attribution.sessions import AFTER, BEFORE, session_lines
from meshclaw.code.commits import Graph
from meshclaw.code.git import Repository
from meshclaw.errors import Damaged, Operational
from meshclaw.flow.attribution import Evidence
from meshclaw.flow.written import Written, digests
from meshclaw.readers import claude_written
from meshclaw.readers.claude_code import ClaudeCode
from meshclaw.readers.places import Entry, find

MOST_COMMITS: Final = 5_000
"""Near sessions, the youngest; there is no session of years ago."""
AT_ONCE: Final = 100
"""Commits whose differences are held together."""
NAMED: Final = re.compile(r"[^A-Za-z0-9]")
"""What Claude Code replaces in the name of a folder to name the folder of its transcripts."""


def transcripts(common: bytes, home: Path, environ: Mapping[str, str]) -> list[Entry]:
    """Of sessions that worked in the work trees of one repository. ``common``: the folder that they share."""
    names = {NAMED.sub("-", folder) for folder, _ in work_trees(common)}
    found = (entry for entry in find(ClaudeCode.source, home, environ) if isinstance(entry, tuple))
    return [
        entry for entry in found if any(part.startswith(tuple(names)) for part in PurePath(entry[0]).parts)
    ]


def state(entries: Iterable[Entry]) -> str:
    """Digest of how they look: another one where any of them grew."""
    said = (f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n" for path, status in entries)
    return sha256("".join(said).encode("utf-8", "surrogateescape")).hexdigest()


def evidence(repository: Repository, graph: Graph, entries: Sequence[Entry]) -> dict[str, list[Evidence]]:
    """By commit; merges have none of their own."""
    key = os.urandom(32)
    trees = [os.path.realpath(folder) for folder, _ in work_trees(repository.folder)]
    sessions = [one for path, _ in entries for one in _written(path, key) if _is_in(one.repo, trees)]
    near = list(_near(graph, sessions))[:MOST_COMMITS]
    found: dict[str, list[Evidence]] = {}
    for at in range(0, len(near), AT_ONCE):
        for sha, lines in _added(repository, near[at : at + AT_ONCE], key):
            pieces = session_lines(lines, graph.commits[sha].authored, sessions)
            if pieces:
                found[sha] = pieces
    return found


def _written(path: str, key: bytes) -> Iterator[Written]:
    """What cannot be read was told when usage was imported."""
    try:
        yield from (one for one in claude_written.read(Path(path), key) if isinstance(one, Written))
    except OSError:
        return


def _is_in(folder: str, trees: Sequence[str]) -> bool:
    real = PurePath(os.path.realpath(folder)) if folder else PurePath()
    return any(real.is_relative_to(tree) for tree in trees)


def _near(graph: Graph, sessions: Sequence[Written]) -> Iterator[str]:
    """Commits that a session can have written, the youngest first."""
    times = sorted(one.at // 1000 for one in sessions)
    for sha, commit in graph.commits.items():
        first = bisect_left(times, commit.authored - BEFORE)
        if len(commit.parents) < 2 and first < len(times) and times[first] <= commit.authored + AFTER:
            yield sha


def _added(repository: Repository, shas: Sequence[str], key: bytes) -> Iterator[tuple[str, frozenset[bytes]]]:
    """Digests of the lines that each commit added to files that count. Where an object is missing there are none."""
    try:
        told = repository.run(
            "diff-tree", "--stdin", "-r", "--root", "-p", "-U0", "-M", "--no-color", "--no-ext-diff", "--no-textconv",
            "--output-indicator-new=\t", "--output-indicator-old= ", "--format=%x01%H",
            given="".join(f"{sha}\n" for sha in shas).encode(),
        )  # fmt: skip
    except (Damaged, Operational):
        return
    for part in told.split(b"\n\x01"):
        head, *lines = part.split(b"\n")
        added = (line[1:].decode("utf-8", "replace") for line in lines if line.startswith(b"\t"))
        yield head.removeprefix(b"\x01").decode("ascii", "replace"), digests(added, key)
