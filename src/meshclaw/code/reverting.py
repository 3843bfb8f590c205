"""Which commits were taken back or mended soon after: by what messages say, and by what happened to the lines.

Both sides of a pair are commits of the first-parent line: what happened to a commit inside a merged branch happened to
the merge. ``words`` of the rules define the counts for a report.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Literal

import msgspec

from meshclaw.code.commits import Commit, Graph
from meshclaw.code.history import Commits, History

DAY = 86_400
WITHIN = 90 * DAY
"""For reverts that no message tells: later the same content is rather a decision of its own."""
SOON = 14 * DAY
NUMBERED = re.compile(r"(?: \([#!]\d+\))+$")
SOURCE = "source"
"""Kind of the files that count."""
MARKS = " \t>*+-("
LONGEST = 500
"""Characters of a line that are looked at."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One commit undone or mended by a later one."""

    of: str
    by: str
    how: Literal["message", "change", "content", "lines"]
    part: bool = False
    """Only of what a merge brought in, or only partly as the message says."""
    after: int
    """Seconds."""
    lines: int = 0
    """Of the first one that the other ended; 0 where that was not looked at."""


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    words: dict[str, str]
    """Definitions of ``reverted`` and ``fixed`` for people."""
    patterns: dict[str, list[str]]

    def fits(self, name: str, text: str) -> re.Match[str] | None:
        """The first pattern of the list ``name`` that the begin of ``text`` fits."""
        return next(
            (found for pattern in self._compiled[name] if (found := pattern.match(text[:LONGEST]))), None
        )

    @cached_property
    def _compiled(self) -> dict[str, list[re.Pattern[str]]]:
        return {
            name: [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
            for name, patterns in self.patterns.items()
        }


@lru_cache(maxsize=1)
def shipped() -> Rules:
    return msgspec.toml.decode(files("meshclaw.code").joinpath("reverting.toml").read_bytes(), type=Rules)


# -- reverts -----------------------------------------------------------------------------


def reverts(graph: Graph, commits: Commits | None = None, rules: Rules | None = None) -> list[Pair]:
    """Each pair once, in the order of the reverting commits; reverts of reverts are pairs as well."""
    names = _Names(graph, rules or shipped())
    told = (pair for commit in graph.commits.values() for pair in names.reverted_by(commit))
    found: dict[tuple[str, str], Pair] = {}
    for pair in [*told, *(_by_digests(commits) if commits else ())]:
        found.setdefault((pair.of, pair.by), pair)
    return sorted(found.values(), key=lambda pair: (names.order[pair.by], names.order[pair.of]))


def taken_back(pairs: Iterable[Pair], line: Sequence[str]) -> dict[str, Pair]:
    """Commits that are reverted in the end, by the first revert that stands: one that was reverted itself does not.

    ``line``: ``Graph.line``. What was reverted only in part is not among them.
    """
    later: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if not pair.part:
            later[pair.of].append(pair)
    found: dict[str, Pair] = {}
    for sha in reversed(line):  # a revert is later than what it reverts, so whether it stands is known
        if standing := next((pair for pair in later.get(sha, ()) if pair.by not in found), None):
            found[sha] = standing
    return found


class _Names:
    """How messages name other commits, and on which commit of the line each of them landed."""

    def __init__(self, graph: Graph, rules: Rules) -> None:
        self._graph, self._rules = graph, rules
        self.order = {sha: at for at, sha in enumerate(graph.line)}
        self._landed = {inner: sha for sha, inside in graph.landed.items() for inner in inside}
        self._age = {sha: at for at, sha in enumerate(graph.commits)}  # the head is the youngest
        self._prefixes = sorted(graph.commits)
        self._by_subject: defaultdict[str, list[str]] = defaultdict(list)
        self._by_number: defaultdict[str, list[str]] = defaultdict(list)
        for sha, commit in graph.commits.items():
            self._by_subject[_plain(commit.subject)].append(sha)
            for number in self._numbers(commit):
                self._by_number[number].append(sha)

    def _numbers(self, commit: Commit) -> Iterator[str]:
        if found := self._rules.fits("number_subject", commit.subject):
            yield found["number"]
        if "merge request" in commit.message:
            yield from (found["number"] for found in self._lines("number_line", commit))

    def reverted_by(self, commit: Commit) -> Iterator[Pair]:
        told = [
            (self._named(found, commit), bool(found["part"])) for found in self._lines("revert_line", commit)
        ]
        if not any(of for of, _ in told):  # an id or a number says it better than a subject
            told = [(self._by_its_subject(commit), False)]
        for of, in_part in told:
            if of and (pair := self._pair(of, commit.sha, in_part=in_part)):
                yield pair

    def mended_by(self, commit: Commit) -> Iterator[Pair]:
        subject = self._rules.fits("fix_subject", commit.subject)
        named = [self._named(found, commit) for found in self._lines("fix_line", commit)]
        if subject and "subject" in subject.re.groupindex:
            named.append(self._called(subject["subject"], commit.sha))
        for of in named:
            if of and (pair := self._pair(of, commit.sha)):
                yield pair

    def _lines(self, name: str, commit: Commit) -> Iterator[re.Match[str]]:
        for line in commit.message.splitlines():
            if found := self._rules.fits(name, line.lstrip(MARKS)):
                yield found

    def _by_its_subject(self, commit: Commit) -> str:
        subject = NUMBERED.sub("", commit.subject)
        if found := self._rules.fits("reapply_subject", subject):
            return self._called(f'Revert "{found["subject"]}"', commit.sha)
        found = self._rules.fits("revert_subject", subject)
        return self._called(found["subject"], commit.sha) if found else ""

    def _named(self, found: re.Match[str], commit: Commit) -> str:
        groups = found.groupdict()
        if sha := (groups.get("sha") or "").lower():
            at = bisect_left(self._prefixes, sha)
            fits = [known for known in self._prefixes[at : at + 2] if known.startswith(sha)]
            return fits[0] if len(fits) == 1 else ""
        return self._nearest(self._by_number.get(groups.get("number") or "", ()), commit.sha)

    def _called(self, subject: str, before: str) -> str:
        return self._nearest(self._by_subject.get(_plain(subject), ()), before)

    def _nearest(self, shas: Iterable[str], before: str) -> str:
        """The youngest of them that is older than ``before``; those on the line go before what they brought in."""
        older = [sha for sha in shas if self._age[sha] > self._age[before]]
        return min(older, key=lambda sha: (sha not in self.order, self._age[sha]), default="")

    def _pair(self, of: str, by: str, *, in_part: bool = False) -> Pair | None:
        """Of the commits of the line; none where both came with the same merge, or in the wrong order."""
        commits = self._graph.commits
        first, second = self._landed.get(of, of), self._landed.get(by, by)
        if self.order[first] >= self.order[second]:
            return None
        is_whole = first == of or self._graph.works(first) == [of]
        after = commits[second].committed - commits[first].committed
        return Pair(of=first, by=second, how="message", part=in_part or not is_whole, after=after)


def _plain(subject: str) -> str:
    return NUMBERED.sub("", subject.strip()).casefold()


def _by_digests(commits: Commits) -> Iterator[Pair]:
    """Exactly the inverse change, or exactly the content from before, by the nearest earlier commit that fits."""
    inverse: dict[bytes, int] = {}
    content: dict[bytes, int] = {}
    for at in range(len(commits.sha)):
        undone = inverse.get(commits.forward[at])
        restored = content.get(commits.after[at])
        if undone is not None and (pair := _later(commits, undone, at, "change")):
            yield pair
        if restored is not None and restored != undone and (pair := _later(commits, restored, at, "content")):
            yield pair
        if commits.backward[at] and commits.forward[at] != commits.backward[at]:
            inverse[commits.backward[at]] = at
        if commits.before[at] and commits.before[at] != commits.after[at]:
            content[commits.before[at]] = at


def _later(commits: Commits, of: int, by: int, how: Literal["change", "content"]) -> Pair | None:
    after = commits.at[by] - commits.at[of]
    return Pair(of=commits.sha[of], by=commits.sha[by], how=how, after=after) if after <= WITHIN else None


# -- fixes -------------------------------------------------------------------------------


def says_fix(message: str, rules: Rules | None = None) -> bool:
    """Whether a commit calls itself a mend of what is wrong, by its first line or the title of what it merges."""
    rules = rules or shipped()
    return any(
        rules.fits("fix_subject", subject) and not rules.fits("no_fix_subject", subject)
        for subject in _subjects(message)
    ) or any(rules.fits("fix_line", line) for line in message.splitlines())


def _subjects(message: str) -> list[str]:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[:2] if lines and lines[0].startswith("Merge ") else lines[:1]


def fixes(graph: Graph, history: History, rules: Rules | None = None) -> list[Pair]:
    """Each pair once, in the order of the mending commits."""
    rules = rules or shipped()
    names = _Names(graph, rules)
    found = {(pair.of, pair.by): pair for pair in _on_the_same_lines(graph, history, rules)}
    for commit in graph.commits.values():
        for pair in names.mended_by(commit):
            if pair.after <= SOON:
                found.setdefault((pair.of, pair.by), pair)
    return sorted(found.values(), key=lambda pair: (names.order[pair.by], names.order[pair.of]))


def _on_the_same_lines(graph: Graph, history: History, rules: Rules) -> Iterator[Pair]:
    at, shas, batches = history.commits.at, history.commits.sha, history.batches
    mends = [sha in graph.commits and says_fix(graph.commits[sha].message, rules) for sha in shas]
    ended: Counter[tuple[int, int]] = Counter()
    for batch, by, lines in zip(
        history.deaths.batch, history.deaths.commit, history.deaths.lines, strict=True
    ):
        of = batches.commit[batch]
        if (
            mends[by]
            and of != by
            and at[by] - at[of] <= SOON
            and history.files.kind[batches.file[batch]] == SOURCE
        ):
            ended[of, by] += lines
    for (of, by), lines in ended.items():
        yield Pair(of=shas[of], by=shas[by], how="lines", after=at[by] - at[of], lines=lines)
