"""The usage store and the repositories of this machine together: what the sessions that made the changes had cost."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path, PurePath

import msgspec

from meshclaw.changes.landing import Landing
from meshclaw.changes.reflog import made_here, work_trees
from meshclaw.changes.report import Spend
from meshclaw.changes.spend import ABANDONED_S, link
from meshclaw.code.branches import unmerged
from meshclaw.flow.usage import Link
from meshclaw.ledger.usage.store import UsageStore

NANOS = 1000
"""Of a micro-dollar."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A repository that was read."""

    path: Path
    folder: str
    """That all work trees share."""
    landing: Landing


def link_all(store: UsageStore, places: Sequence[Place]) -> Spend | None:
    """Store what became of the sessions of these repositories; None where no session worked in them."""
    others = {place.folder for place in places}
    before = store.links()
    found = [
        one
        for place in places
        for one in _linked(store, place, [old for old in before if old.repository == place.folder])
    ]
    if not found:
        return None
    store.link(
        sorted(
            [*(old for old in before if old.repository not in others), *found], key=msgspec.structs.astuple
        )
    )
    return _spend(store, found)


def _linked(store: UsageStore, place: Place, before: Sequence[Link]) -> list[Link]:
    common = os.fsencode(place.folder)
    trees = [os.path.realpath(folder) for folder, _ in work_trees(common)]
    real = cache(os.path.realpath)
    moments = [
        moment._replace(folder=real(moment.folder))
        for moment in store.moments(lambda folder: any(_is_inside(real(folder), tree) for tree in trees))
    ]
    made = [msgspec.structs.replace(one, folder=real(one.folder)) for one in made_here(common)]
    return link(moments, made, place.landing, _living(place.path), before, repository=place.folder)


def _is_inside(folder: str, tree: str) -> bool:
    """And in no repository within this one."""
    at = PurePath(folder)
    if not at.is_absolute() or not at.is_relative_to(tree):
        return False
    inner = [at, *at.parents][: len(at.parts) - len(PurePath(tree).parts)]
    return not any(os.path.lexists(one / ".git") for one in inner)


def _living(path: Path) -> Callable[[str], bool]:
    """Asked once, and only where a commit has not landed."""

    @cache
    def commits() -> set[str]:
        return unmerged(path, since=int(time.time()) - ABANDONED_S)

    return lambda sha: sha in commits()


def _spend(store: UsageStore, found: Sequence[Link]) -> Spend:
    nanos = {name: amounts.nanos for name, amounts in store.by("session").items()}
    cells: Counter[str] = Counter()
    sessions: Counter[str] = Counter()
    for one in found:
        cells[one.cell] += nanos.get(one.session, 0)
        sessions[one.cell] += 1
    standing = {sha for one in found if one.cell == "linked" for sha in one.commits}
    micros = {cell: round(total / NANOS) for cell, total in cells.items()}
    return Spend(micros=micros, sessions=dict(sessions), standing=len(standing))
