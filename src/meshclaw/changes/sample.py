"""One repository's history boiled down to what the measures need: small, mergeable, without a name or a path in it."""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from meshclaw.code.history import History
from meshclaw.code.survival import Life
from meshclaw.flow.attribution import Attribution, Origin

if TYPE_CHECKING:
    Column: TypeAlias = array[int]  # pyright: ignore[reportIndexIssue]
else:
    Column = array  # what msgspec reads cannot be subscripted

HOUR = 3600
DAY = 24
"""Hours."""

SOURCE: Final = "source"
LONG: Final = "long lines"

AGES = ((0, "new file"), (30, "under 30 days"), (365, "under a year"))
"""Days that a file had been there when the lines came; beyond them it is old."""
OLD = "a year or older"
SIZES = (10, 100, 1000)
"""Lines that the commit added in all; these and fewer."""
BEFORE: Final = -1
"""Stratum of lines that are older than the first AI line of their repository: nothing is matched with them."""

LANGUAGES = {
    "cjs": "js", "jsx": "js", "mjs": "js", "cts": "ts", "mts": "ts", "tsx": "ts", "pyi": "py", "yaml": "yml",
    "htm": "html", "cc": "cpp", "cxx": "cpp", "hh": "cpp", "hpp": "cpp", "hxx": "cpp", "h": "c", "kts": "kt",
    "markdown": "md", "bash": "sh",
}  # fmt: skip
"""Endings that are the same language."""
MOST_ENDING = 12


class Sort(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Who made a change."""

    origin: Origin
    tool: str = ""


class Made(msgspec.Struct, kw_only=True):
    """What the commits of one sort did."""

    commits: int = 0
    added: int = 0
    """Lines, by the commit that added them."""
    deleted: int = 0
    """Lines of whomever that these commits ended."""
    reverted: int = 0
    """Of these commits, those that a later one took back."""
    fixed: int = 0
    """Of these commits, those that a fix of the same lines followed."""
    cycles: list[int] = msgspec.field(default_factory=list[int])
    """Minutes from the first commit of a merged branch to its merge, of merges of this sort."""


class Excluded(msgspec.Struct, kw_only=True):
    files: int = 0
    added: int = 0
    alive: int = 0


class Layers(msgspec.Struct, kw_only=True):
    """Counted lines alive at the end of each month (UTC)."""

    months: list[str]
    """``2026-07``, without a gap."""
    by_origin: dict[str, list[int]]
    by_year: dict[str, list[int]]
    """By the year in which they were born."""


class Rows(msgspec.Struct, kw_only=True):
    """Counted lines of one commit with the same fate, of the same sort in the same stratum, in columns."""

    born: Column = msgspec.field(default_factory=lambda: array("i"))
    """Number of the commit."""
    ended: Column = msgspec.field(default_factory=lambda: array("i"))
    """Number of the commit that ended them; -1 where they live."""
    hours: Column = msgspec.field(default_factory=lambda: array("i"))
    """From birth to death, begun hours counted as whole ones; else whole hours to the end of what was seen."""
    sort: Column = msgspec.field(default_factory=lambda: array("i"))
    stratum: Column = msgspec.field(default_factory=lambda: array("i"))
    lines: Column = msgspec.field(default_factory=lambda: array("i"))


class Sample(msgspec.Struct, kw_only=True):
    name: str
    """Of the repository's folder: the smallest unit there is."""
    head: str
    commits: int
    since: int | None
    """Unix seconds; lines born before are left out of all but the layers."""
    first: int
    until: int
    """Unix seconds of the first commit, and of the head: what is alive was last seen then."""
    sorts: list[Sort]
    made: list[Made]
    """For each sort."""
    strata: list[str]
    rows: Rows
    seen: Column
    """For each commit: whole hours from it to ``until``."""
    excluded: dict[str, Excluded]
    layers: Layers
    caveats: list[str]
    counts: dict[str, int]
    """What the caveats need: merges of mixed origin, clocks out of order, respaced lines."""

    def lives(self, sort: int, commits: int = 0, strata: int = 0) -> Iterator[Life]:
        """``commits`` and ``strata`` are added to their numbers, so that those of two repositories differ."""
        rows = self.rows
        for found, born, ended, hours, stratum, lines in zip(
            rows.sort, rows.born, rows.ended, rows.hours, rows.stratum, rows.lines, strict=True
        ):
            if found == sort:
                yield Life(
                    hours, lines, born + commits, ended + commits if ended >= 0 else -1,
                    stratum if stratum == BEFORE else stratum + strata,
                )  # fmt: skip


class Known(NamedTuple):
    """What is known of the commits beside their lines; commits are named by their sha."""

    attributions: Mapping[str, Attribution]
    marks: Sequence[Attribution] = ()
    """For ``Batches.mark`` 1, 2, ...: who made these very lines."""
    reverted: Collection[str] = ()
    fixed: Collection[str] = ()
    cycles: Mapping[str, int] = {}
    """Of merges: seconds since their branch began."""
    mixed: int = 0
    """Merges on the line that brought in commits of several origins, ..."""
    undecided: int = 0
    """... and those of them that count as unknown."""


UNKNOWN: Final = Attribution(origin="unknown")


def sample(
    history: History,
    known: Known,
    *,
    name: str,
    since: int | None = None,
    every: bool = False,
    now: int | None = None,
) -> Sample:
    """``every``: lines of excluded classes count as well. ``now``: clocks beyond it are not believed."""
    return _Boiled(history, known, since=since, every=every, now=now).sample(name)


class _Boiled:
    def __init__(
        self, history: History, known: Known, *, since: int | None, every: bool, now: int | None
    ) -> None:
        self._history, self._known, self._since, self._every = history, known, since, every
        self._at = history.commits.at
        last = self._at[-1] if self._at else 0
        self._until = last if now is None else min(last, now)
        self._sorts: dict[Sort, int] = {}
        self._by_commit = [self._sort(known.attributions.get(sha, UNKNOWN)) for sha in history.commits.sha]
        self._by_mark = [0, *(self._sort(found) for found in known.marks)]
        self._counts = [
            every or (history.files.kind[file] == SOURCE and not long)
            for file, long in zip(history.batches.file, history.batches.long, strict=True)
        ]

    def _sort(self, found: Attribution) -> int:
        return self._sorts.setdefault(Sort(origin=found.origin, tool=found.tool), len(self._sorts))

    def sample(self, name: str) -> Sample:
        history = self._history
        left = self._left()
        strata, stratum_of = self._strata()
        found = Rows()
        whole = self._fates(left, stratum_of)
        for (born, ended, sort, stratum), lines in whole.items():
            if self._since is None or self._at[born] >= self._since:
                found.born.append(born)
                found.ended.append(ended)
                found.hours.append(self._hours(born, ended))
                found.sort.append(sort)
                found.stratum.append(stratum)
                found.lines.append(lines)
        return Sample(
            name=name, head=history.head, commits=len(self._at), since=self._since,
            first=min(self._at, default=0), until=self._until, sorts=list(self._sorts), made=self._made(found),
            strata=strata, rows=found,
            seen=array("i", (max(0, self._until - at) // HOUR for at in self._at)),
            excluded=self._excluded(left), layers=self._layers(whole), caveats=list(history.caveats),
            counts=self._odd(),
        )  # fmt: skip

    def _left(self) -> array[int]:
        """Of each root batch, the lines that are alive."""
        batches, deaths = self._history.batches, self._history.deaths
        left = array("q", batches.lines)
        for batch, lines in zip(deaths.batch, deaths.lines, strict=True):
            left[batch] -= lines
        return left

    def _fates(self, left: array[int], stratum_of: Sequence[int]) -> Counter[tuple[int, int, int, int]]:
        """Lines by birth, death, sort and stratum."""
        batches, deaths, counts = self._history.batches, self._history.deaths, self._counts
        sorts = [
            self._by_mark[mark] if mark else self._by_commit[commit]
            for mark, commit in zip(batches.mark, batches.commit, strict=True)
        ]
        found: Counter[tuple[int, int, int, int]] = Counter()
        born = batches.commit
        for batch, ended, lines in zip(deaths.batch, deaths.commit, deaths.lines, strict=True):
            if counts[batch]:
                found[born[batch], ended, sorts[batch], stratum_of[batch]] += lines
        for batch, root in enumerate(batches.root):
            if root == batch and counts[batch] and left[batch]:
                found[born[batch], -1, sorts[batch], stratum_of[batch]] += left[batch]
        return found

    def _hours(self, born: int, ended: int) -> int:
        """Clocks of several people may run backwards: no line dies before it was born."""
        if ended < 0:
            return max(0, self._until - self._at[born]) // HOUR
        return -(min(0, self._at[born] - self._at[ended]) // HOUR)

    # -- strata --------------------------------------------------------------------------

    def _strata(self) -> tuple[list[str], list[int]]:
        """For each batch: language, age of the file, size of the change; ``BEFORE`` without any AI line to match."""
        batches, files = self._history.batches, self._history.files
        first = self._first_ai()
        languages = [language(path) for path in files.path]
        sizes = self._sizes()
        numbers: dict[tuple[str, str, str], int] = {}
        of: list[int] = []
        for commit, file in zip(batches.commit, batches.file, strict=True):
            if commit < first:
                of.append(BEFORE)
                continue
            age = self._age(commit, files.born[file])
            of.append(numbers.setdefault((languages[file], age, sizes[commit]), len(numbers)))
        return [", ".join(key) for key in numbers], of

    def _first_ai(self) -> int:
        """The first commit with an AI line; behind the last commit where there is none."""
        is_ai = [sort.origin == "ai" for sort in self._sorts]
        first = next((commit for commit, sort in enumerate(self._by_commit) if is_ai[sort]), len(self._at))
        batches = self._history.batches
        marked = (
            commit for commit, mark in zip(batches.commit, batches.mark, strict=True)
            if mark and is_ai[self._by_mark[mark]]
        )  # fmt: skip
        return min(first, min(marked, default=first))

    def _sizes(self) -> list[str]:
        added: Counter[int] = Counter()
        batches = self._history.batches
        for batch, root in enumerate(batches.root):
            if root == batch and self._counts[batch]:
                added[batches.commit[batch]] += batches.lines[batch]
        return [size(added[commit]) for commit in range(len(self._at))]

    def _age(self, commit: int, born: int) -> str:
        if commit == born:
            return AGES[0][1]
        days = (self._at[commit] - self._at[born]) / (DAY * HOUR)
        return next((name for limit, name in AGES if days < limit), OLD)

    # -- commits -------------------------------------------------------------------------

    def _made(self, rows: Rows) -> list[Made]:
        history = self._history
        made = [Made() for _ in self._sorts]
        for commit, (sha, sort) in enumerate(zip(history.commits.sha, self._by_commit, strict=True)):
            if self._is_early(commit):
                continue
            made[sort].commits += 1
            made[sort].reverted += sha in self._known.reverted
            made[sort].fixed += sha in self._known.fixed
            if sha in self._known.cycles:
                made[sort].cycles.append(self._known.cycles[sha] // 60)
        for sort, lines in zip(rows.sort, rows.lines, strict=True):
            made[sort].added += lines
        deaths = history.deaths
        for batch, ended, lines in zip(deaths.batch, deaths.commit, deaths.lines, strict=True):
            if self._counts[batch] and not self._is_early(ended):
                made[self._by_commit[ended]].deleted += lines
        return made

    def _is_early(self, commit: int) -> bool:
        return self._since is not None and self._at[commit] < self._since

    def _odd(self) -> dict[str, int]:
        """Numbers behind the caveats."""
        at = self._at
        return {
            "mixed merges": self._known.mixed,
            "undecided merges": self._known.undecided,
            "clocks out of order": sum(later < earlier for earlier, later in pairwise(at)),
            "respaced lines": sum(self._history.commits.respaced),
        }

    # -- what stands apart ---------------------------------------------------------------

    def _excluded(self, left: Sequence[int]) -> dict[str, Excluded]:
        files, batches = self._history.files, self._history.batches
        found: defaultdict[str, Excluded] = defaultdict(Excluded)
        if self._every:
            return {}
        for kind in files.kind:
            if kind != SOURCE:
                found[kind].files += 1
        long: set[int] = set()
        for batch, root in enumerate(batches.root):
            if root != batch or (files.kind[batches.file[batch]] == SOURCE and not batches.long[batch]):
                continue
            kind = files.kind[batches.file[batch]]
            if kind == SOURCE:
                kind = LONG
                long.add(batches.file[batch])
            found[kind].added += batches.lines[batch]
            found[kind].alive += left[batch]
        if long:
            found[LONG].files = len(long)
        return dict(sorted(found.items()))

    def _layers(self, whole: Mapping[tuple[int, int, int, int], int]) -> Layers:
        """The clock of a death that is before the birth is not believed, nor one beyond the last month."""
        if not self._at:
            return Layers(months=[], by_origin={}, by_year={})
        last = month(self._until)
        months = [min(month(at), last) for at in self._at]
        first = min(months)
        origins = [sort.origin for sort in self._sorts]
        years = [str(number // 12) for number in months]
        steps = {
            "origin": defaultdict[str, Counter[int]](Counter),
            "year": defaultdict[str, Counter[int]](Counter),
        }
        for (born, ended, sort, _), lines in whole.items():
            for by, name in (("origin", origins[sort]), ("year", years[born])):
                steps[by][name][months[born]] += lines
                if ended >= 0:
                    steps[by][name][max(months[born], months[ended])] -= lines
        span = range(first, last + 1)
        return Layers(
            months=[f"{number // 12}-{number % 12 + 1:02}" for number in span],
            by_origin={name: _running(found, span) for name, found in sorted(steps["origin"].items())},
            by_year={name: _running(found, span) for name, found in sorted(steps["year"].items())},
        )


def _running(steps: Mapping[int, int], span: range) -> list[int]:
    total, found = 0, list[int]()
    for number in span:
        total += steps.get(number, 0)
        found.append(total)
    return found


def month(at: int) -> int:
    """Months since year 0; a clock that no calendar has is the nearest that one has."""
    moment = datetime.fromtimestamp(min(max(at, 0), 2**35), UTC)
    return moment.year * 12 + moment.month - 1


def language(path: bytes) -> str:
    """By the ending of the file's name."""
    ending = PurePosixPath(path.decode("utf-8", "replace")).suffix[1:].lower()
    if not ending or len(ending) > MOST_ENDING or not ending.isascii() or not ending.isalnum():
        return "other"
    return LANGUAGES.get(ending, ending)


def size(lines: int) -> str:
    place = bisect_left(SIZES, lines)
    return f"up to {SIZES[place]} lines" if place < len(SIZES) else f"over {SIZES[-1]} lines"


# -- keeping -----------------------------------------------------------------------------


def packed(found: Sample) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(found, enc_hook=_bytes_of), 1)


def unpacked(stored: bytes) -> Sample:
    """Raises ``msgspec.DecodeError`` or ``zlib.error`` for what ``packed`` did not write."""
    return msgspec.msgpack.decode(zlib.decompress(stored), type=Sample, dec_hook=_array_of)


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, array):
        return value.tobytes()
    raise NotImplementedError


def _array_of(_kind: Any, stored: bytes) -> array[int]:
    found = array("i")
    found.frombytes(stored)
    return found
