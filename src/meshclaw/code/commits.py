"""The commits of a repository: who made them, when, and which of them each commit of the first-parent line brought in.

Names and messages are what anybody may have written: invalid UTF-8 is replaced, addresses are taken as they stand (no
mailmap). Times are by the clocks of those who made the commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from meshclaw.code.git import Repository
from meshclaw.errors import Damaged, Operational

FIELDS = ("%H", "%P", "%at", "%ct", "%an", "%ae", "%cn", "%ce", "%B")
FORMAT = "--format=tformat:" + "%x00".join(FIELDS)
MOST_MESSAGE = 1 << 16
"""Characters of a message that are kept; a squash of a hundred commits has fewer."""
MOST_FAILURES = 200
"""Damaged or missing objects that are worked around before the rest is given up."""

CYCLES = (
    "From the first commit of a branch to its merge, by the clocks of those who made them. Merge commits only: a "
    "squash or a rebase does not keep when the branch began. Work before the first commit is not in it."
)


class Identity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    name: str
    email: str


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    sha: str
    parents: tuple[str, ...]
    authored: int
    """Unix seconds; 0 where git could not read them."""
    committed: int
    author: Identity
    committer: Identity
    message: str

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Every commit that the head reaches."""

    commits: dict[str, Commit]
    line: list[str]
    """The first-parent line, oldest first."""
    landed: dict[str, tuple[str, ...]]
    """Of each merge on the line: what it brought in; each commit is on the line or was landed once."""

    def works(self, merge: str) -> list[str]:
        """Of what a merge on the line brought in those that are no merges themselves."""
        return [sha for sha in self.landed.get(merge, ()) if len(self.commits[sha].parents) < 2]


def read(repository: Repository) -> Graph:
    told = repository.run(
        "log", "-z", "--encoding=UTF-8", "--no-color", "--no-notes", "--no-mailmap", "--no-decorate",
        "--no-show-signature", FORMAT, repository.head, "--",
    )  # fmt: skip
    return graph(parsed(told))


def parsed(told: bytes) -> list[Commit]:
    """``told``: fields and commits each ended by a NUL, which no part of a commit can hold."""
    fields = told.decode("utf-8", "replace").split("\0")
    known: dict[tuple[str, str], Identity] = {}

    def identity(name: str, email: str) -> Identity:
        found = known.get((name, email))
        if found is None:
            found = known[name, email] = Identity(name=name, email=email)
        return found

    width = len(FIELDS)
    return [
        Commit(
            sha=fields[at], parents=tuple(fields[at + 1].split()),
            authored=_seconds(fields[at + 2]), committed=_seconds(fields[at + 3]),
            author=identity(fields[at + 4], fields[at + 5]), committer=identity(fields[at + 6], fields[at + 7]),
            message=fields[at + 8][:MOST_MESSAGE],
        )
        for at in range(0, len(fields) - width + 1, width)
    ]  # fmt: skip


def _seconds(said: str) -> int:
    return int(said) if said.isascii() and said.removeprefix("-").isdigit() and len(said) < 19 else 0


def graph(commits: Sequence[Commit]) -> Graph:
    """``commits``: the head first."""
    known = {commit.sha: commit for commit in commits}
    line = _line(known, commits[0].sha) if commits else []
    return Graph(commits=known, line=line, landed=_landed(known, line))


def _line(known: Mapping[str, Commit], head: str) -> list[str]:
    line: list[str] = []
    at: str | None = head
    while at is not None and (commit := known.get(at)):
        line.append(at)
        at = commit.parents[0] if commit.parents else None
    return line[::-1]


def _landed(known: Mapping[str, Commit], line: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Each commit is walked once: what an older commit of the line reaches is in ``seen`` when a newer one is asked."""
    seen: set[str] = set()
    landed: dict[str, tuple[str, ...]] = {}
    for sha in line:
        seen.add(sha)
        waiting: list[str] = [parent for parent in known[sha].parents[:0:-1] if parent in known]
        if not waiting:
            continue
        brought: list[str] = []
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            brought.append(at)
            waiting += [parent for parent in known[at].parents if parent in known]
        landed[sha] = tuple(brought)
    return landed


def cycles(found: Graph) -> dict[str, int]:
    """Of each merge: seconds since its branch began, where the clocks can be right. ``CYCLES`` says the rest."""
    began = {
        sha: min((found.commits[inner].authored for inner in found.works(sha)), default=0)
        for sha in found.landed
    }
    return {
        sha: found.commits[sha].committed - at
        for sha, at in began.items()
        if 0 < at <= found.commits[sha].committed
    }


def added(repository: Repository, shas: Sequence[str]) -> dict[str, int]:
    """Lines that each commit added to text files, against its first parent; without those git cannot tell it of."""
    counts: dict[str, int] = {}
    waiting = [list(shas)] if shas else []
    failures = 0
    while waiting and failures < MOST_FAILURES:
        asked = waiting.pop()
        try:
            counts |= _added(repository, asked)
        except (Damaged, Operational):  # an object is damaged or missing: the other commits can still be told
            failures += 1
            half = len(asked) // 2
            waiting += [asked[:half], asked[half:]] if half else []
    return counts


def _added(repository: Repository, shas: Sequence[str]) -> dict[str, int]:
    told = repository.run(
        "diff-tree", "--stdin", "--root", "-r", "-M", "--numstat", "--no-ext-diff", "--no-textconv",
        "--no-color", "--format=%H", given="".join(f"{sha}\n" for sha in shas).encode(),
    )  # fmt: skip
    counts = dict.fromkeys(shas, 0)
    sha = ""
    for line in told.splitlines():
        number, tab, _ = line.partition(b"\t")
        if not tab:
            sha = number.decode("ascii", "replace") or sha
        elif number.isdigit() and sha in counts:
            counts[sha] += int(number)
    return counts


def touched(repository: Repository, shas: Sequence[str]) -> dict[str, set[bytes]]:
    """Paths of the files that each commit changed against its first parent."""
    if not shas:
        return {}
    told = repository.run(
        "diff-tree", "--stdin", "--root", "-r", "-z", "-m", "--no-renames", "--name-only",
        "--diff-merges=first-parent", given="".join(f"{sha}\n" for sha in shas).encode(),
    )  # fmt: skip
    found: dict[str, set[bytes]] = {sha: set() for sha in shas}
    headers = {sha.encode(): sha for sha in shas}
    current = shas[0]
    for path in told.split(b"\0"):
        if path in headers:
            current = headers[path]
        elif path:
            found[current].add(path)
    return found
