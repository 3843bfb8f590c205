"""Who made each commit of the first-parent line, as far as its own records say.

**One commit.** Certain or strong evidence of an AI tool makes it ``ai``, unless a person is said with at least as much
certainty: then it is ``unknown``. Without such evidence a known bot as author makes it ``bot``. Weak signs alone, or an
author who is nobody, make it ``unknown``. Else it is ``human``, which says that nothing was found: tools can be told
not to sign, projects strip what they sign, and a squash may lose it.

**A merge** is one commit on the line and brings in what its branches hold, so it is attributed from the commits that it
brought in, never from whoever pressed the button, nor from its own message, which is often the work of a button too.
Where these agree, that is its origin. Where they do not, the origin that added at least ``MOST`` of their lines is, and
``unknown`` where none did: a line of a mixed merge cannot be told from another one on this line of the history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from meshclaw.code.attribution.rules import Rules, shipped
from meshclaw.code.attribution.signs import signs
from meshclaw.code.commits import Graph
from meshclaw.flow.attribution import Attribution, Evidence, Origin

MOST = 0.8
MOST_EVIDENCE = 40
"""Pieces that are kept of a merge that brought in many."""
RANK = {"weak": 1, "strong": 2, "certain": 3}
STRONG = RANK["strong"]
SEVERAL = "several"
LOWER_BOUND = (
    "AI work is a lower bound: tools can be told not to sign, some projects ban or strip what they sign, and a squash "
    "may lose it. Human means that no sign was found."
)

Added = Callable[[Sequence[str]], Mapping[str, int]]
"""Lines that each of these commits added, where it can be known: ``commits.added`` of the repository. Asked once, about
what mixed merges brought in."""


class Attributed(msgspec.Struct, frozen=True, kw_only=True):
    by_commit: dict[str, Attribution]
    """Every commit of the first-parent line."""
    mixed: int
    """Merges that brought in commits of several origins, ..."""
    undecided: int
    """... and those of them where none added most of the lines."""
    caveats: list[str]


def of(
    graph: Graph,
    beside: Mapping[str, Sequence[Evidence]] | None = None,
    added: Added | None = None,
    rules: Rules | None = None,
) -> Attributed:
    """``beside``: evidence that does not stand in the commits, by commit: notes, traces, sessions."""
    rules, beside = rules or shipped(), beside or {}
    one: dict[str, Attribution] = {
        sha: weigh([*signs(commit, rules), *beside.get(sha, ())]) for sha, commit in graph.commits.items()
    }
    works = {sha: work for sha in graph.landed if (work := graph.works(sha))}
    mixed = [sha for sha, work in works.items() if len({one[inner].origin for inner in work}) > 1]
    lines: Mapping[str, int] = (
        added([inner for sha in mixed for inner in works[sha]]) if added and mixed else {}
    )
    found = {
        sha: _landed([(one[inner], lines.get(inner)) for inner in works[sha]], beside.get(sha, ()))
        if sha in works else one[sha]
        for sha in graph.line
    }  # fmt: skip
    undecided = sum(found[sha].origin == "unknown" for sha in mixed)
    return Attributed(
        by_commit=found, mixed=len(mixed), undecided=undecided, caveats=_caveats(mixed, undecided)
    )


def weigh(evidence: Sequence[Evidence]) -> Attribution:
    """The origin that the evidence in and beside one commit makes."""
    origin = _origin(evidence)
    return Attribution(origin=origin, tool=_tool(evidence, origin), evidence=tuple(evidence))


def _origin(evidence: Iterable[Evidence]) -> Origin:
    surest: dict[Origin, int] = {}
    for piece in evidence:
        surest[piece.origin] = max(surest.get(piece.origin, 0), RANK[piece.confidence])
    ai, bot, human = (surest.get(origin, 0) for origin in ("ai", "bot", "human"))
    if ai >= STRONG:
        return "ai" if ai > human else "unknown"
    if bot >= STRONG:
        return "bot"
    return "human" if human >= STRONG or not surest else "unknown"


def _tool(evidence: Iterable[Evidence], origin: Origin) -> str:
    if origin in ("human", "unknown"):
        return ""
    pieces = [piece for piece in evidence if piece.origin == origin and piece.tool]
    surest = max((RANK[piece.confidence] for piece in pieces), default=0)
    tools = {piece.tool for piece in pieces if RANK[piece.confidence] == surest}
    return tools.pop() if len(tools) == 1 else SEVERAL if tools else ""


def _landed(inner: Sequence[tuple[Attribution, int | None]], own: Sequence[Evidence]) -> Attribution:
    """Of a merge, from what it brought in and how many lines that added; ``own``: evidence beside the merge itself."""
    brought: Counter[Origin] = Counter(attribution.origin for attribution, _ in inner)
    origin = next(iter(brought)) if len(brought) == 1 else _most(inner)
    pieces = dict.fromkeys(piece for attribution, _ in inner for piece in attribution.evidence)
    evidence = sorted(pieces, key=lambda piece: -RANK[piece.confidence])[:MOST_EVIDENCE]
    return Attribution(
        origin=origin, tool=_tool(evidence, origin), evidence=(*own, *evidence), brought=dict(brought)
    )


def _most(inner: Iterable[tuple[Attribution, int | None]]) -> Origin:
    lines: Counter[Origin] = Counter()
    for attribution, count in inner:
        if count is None:
            return "unknown"
        lines[attribution.origin] += count
    (origin, count), total = lines.most_common(1)[0], lines.total()
    return origin if total and count >= MOST * total else "unknown"


def _caveats(mixed: Sequence[str], undecided: int) -> list[str]:
    if not mixed:
        return [LOWER_BOUND]
    told = f"{len(mixed)} merges brought in commits of several origins: each counts as the origin that added at least "
    return [LOWER_BOUND, f"{told}{MOST:.0%} of their lines, {undecided} of them as unknown."]
