"""Samples of repositories as one report: what could not be known first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

import msgspec

from meshclaw.changes.measures import HORIZONS, Pool, comparison, group
from meshclaw.changes.report import (
    DEFINITIONS,
    VERSION,
    Caveat,
    Comparison,
    Failed,
    Group,
    Report,
    Repository,
    day,
)
from meshclaw.changes.sample import Excluded, Layers, Sample, Sort
from meshclaw.code.attribution.attribute import MOST
from meshclaw.flow.attribution import Origin

MOST_COMPARED = 5
"""Tools, those with the most lines."""
ORIGINS: tuple[Origin, ...] = get_args(Origin)


def report(samples: Sequence[Sample], failed: Sequence[Failed] = ()) -> Report:
    ordered = _named(sorted(samples, key=lambda sample: (sample.name, sample.head)))
    each = [repository([sample]) for sample in ordered]
    return Report(
        repositories=each, together=each[0] if len(each) == 1 else repository(ordered), failed=list(failed),
        definitions=DEFINITIONS, version=VERSION,
    )  # fmt: skip


def _named(samples: Sequence[Sample]) -> list[Sample]:
    """Those of one name get their heads behind it: a folder around them may be called after a person."""
    times = Counter(sample.name for sample in samples)
    return [
        msgspec.structs.replace(sample, name=f"{sample.name} {sample.head[:7]}")
        if times[sample.name] > 1
        else sample
        for sample in samples
    ]


def repository(samples: Sequence[Sample]) -> Repository:
    """One, or several together."""
    pool = Pool(samples)
    groups = {
        origin: group(pool, origin, lambda sort, origin=origin: sort.origin == origin) for origin in ORIGINS
    }
    tools = {tool: group(pool, tool, lambda sort, tool=tool: _is(sort, tool)) for tool in _tools(samples)}
    added, alive = (sum(getattr(one, name) for one in groups.values()) for name in ("added", "alive"))
    return Repository(
        names=[sample.name for sample in samples], heads=[sample.head for sample in samples],
        commits=sum(sample.commits for sample in samples),
        first=min((sample.first for sample in samples if sample.commits), default=0),
        until=max((sample.until for sample in samples), default=0),
        since=next((sample.since for sample in samples), None),
        added=added, alive=alive, died=added - alive, by_origin=groups, by_tool=tools,
        comparisons=list(_comparisons(pool, tools)), layers=_layers(samples), excluded=_excluded(samples),
        caveats=list(_caveats(samples, groups)),
    )  # fmt: skip


def _is(sort: Sort, tool: str) -> bool:
    return sort.origin == "ai" and sort.tool == tool


def _tools(samples: Iterable[Sample]) -> list[str]:
    """Those with the most lines first."""
    lines: Counter[str] = Counter()
    for sample in samples:
        for sort, made in zip(sample.sorts, sample.made, strict=True):
            if sort.origin == "ai" and (made.added or made.commits):
                lines[sort.tool] += made.added
    return sorted(lines, key=lambda tool: (-lines[tool], tool))


def _comparisons(pool: Pool, tools: Mapping[str, Group]) -> Iterator[Comparison]:
    def human(sort: Sort) -> bool:
        return sort.origin == "human"

    found = [comparison(pool, "ai", lambda sort: sort.origin == "ai", "human", human)]
    if len(tools) > 1:
        for tool in [name for name, one in tools.items() if not one.survival.s14.is_few][:MOST_COMPARED]:
            found += [
                comparison(pool, tool, lambda sort, tool=tool: _is(sort, tool), "human", human),
                comparison(
                    pool, tool, lambda sort, tool=tool: _is(sort, tool),
                    "other tools", lambda sort, tool=tool: sort.origin == "ai" and sort.tool != tool,
                ),
            ]  # fmt: skip
    return (one for one in found if one is not None)


# -- several together --------------------------------------------------------------------


def _layers(samples: Sequence[Sample]) -> Layers:
    """What lived in a repository when it was last seen counts on to the end."""
    months = sorted({name for sample in samples for name in sample.layers.months})
    if not months:
        return Layers(months=[], by_origin={}, by_year={})
    span = _months(months[0], months[-1])
    total = Layers(months=span, by_origin={}, by_year={})
    for sample in samples:
        for into, of in (
            (total.by_origin, sample.layers.by_origin), (total.by_year, sample.layers.by_year),
        ):  # fmt: skip
            for name, counts in of.items():
                sums = into.setdefault(name, [0] * len(span))
                start = span.index(sample.layers.months[0])
                for place in range(start, len(span)):
                    sums[place] += counts[min(place - start, len(counts) - 1)]
    return total


def _months(first: str, last: str) -> list[str]:
    numbers = [int(name[:-3]) * 12 + int(name[-2:]) - 1 for name in (first, last)]
    return [f"{number // 12}-{number % 12 + 1:02}" for number in range(numbers[0], numbers[1] + 1)]


def _excluded(samples: Iterable[Sample]) -> dict[str, Excluded]:
    found: dict[str, Excluded] = {}
    for sample in samples:
        for kind, one in sample.excluded.items():
            total = found.setdefault(kind, Excluded())
            total.files += one.files
            total.added += one.added
            total.alive += one.alive
    return dict(sorted(found.items()))


# -- what could not be known -------------------------------------------------------------


def _caveats(samples: Sequence[Sample], groups: Mapping[str, Group]) -> Iterator[Caveat]:
    counts: Counter[str] = Counter()
    for sample in samples:
        counts.update(sample.counts)
    yield Caveat(
        about="lower bound",
        text="AI is what says so: trailers, authors, notes. They can be switched off and a squash loses them, so "
        "'human' holds some AI work and the two look more alike than they are.",
    )
    for sample in samples:
        name = f"{sample.name}: " if len(samples) > 1 else ""
        yield from (Caveat(about="reading", text=f"{name}{text}") for text in sample.caveats)
    yield from _counted(counts)
    yield from _kinds(samples)
    yield from _unseen(samples, groups)
    yield Caveat(
        about="moved lines",
        text="A line moved within a file or to another one counts as died and born; a renamed file keeps its lines.",
    )
    yield Caveat(
        about="review",
        text="What became of lines in review, before they were merged, is unknown: no forge is connected.",
    )


def _counted(counts: Mapping[str, int]) -> Iterator[Caveat]:
    yield Caveat(
        about="first parents",
        text="Changes are counted as main saw them: a merge is one commit that brings in all of its branch.",
    )
    if mixed := counts.get("mixed merges", 0):
        yield Caveat(
            about="mixed merges",
            text=f"{mixed:,} merges brought in commits of several origins: each counts as the one that added at least "
            f"{MOST:.0%} of its lines, and {counts['undecided merges']:,} as unknown.",
        )
    if late := counts.get("clocks out of order", 0):
        yield Caveat(
            about="clocks",
            text=f"{late:,} of the commits are dated before the one they follow; no line dies before its birth.",
        )


def _kinds(samples: Sequence[Sample]) -> Iterator[Caveat]:
    kinds = _excluded(samples)
    if kinds:
        said = ", ".join(f"{kind} ({one.files:,} files)" for kind, one in kinds.items())
        yield Caveat(
            about="excluded",
            text=f"Set apart, because nobody writes them by hand: {said}. --every counts them too.",
        )


def _unseen(samples: Sequence[Sample], groups: Mapping[str, Group]) -> Iterator[Caveat]:
    until = max((sample.until for sample in samples), default=0)
    if not until:
        return
    young = [origin for origin, one in groups.items() if one.added and one.survival.s90.share is None]
    text = f"Lines alive were last seen on {day(until)}, at the head; younger ones count for as long as they were seen."
    if young:
        text += f" No line of {', '.join(young)} was seen for {HORIZONS[-1]} days."
    yield Caveat(about="censoring", text=text)
