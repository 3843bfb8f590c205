"""Random histories: exact beside what is known of them, and beside ``git blame``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from meshclaw.code.lifetimes import Lines, read
from tests.code.random_history import History, Made
from tests.code.test_lifetimes import check


def agrees(lines: Lines, made: Made) -> None:
    batches, deaths, commits = lines.history.batches, lines.history.deaths, lines.history.commits
    assert commits.sha == made.ids
    born = [batches.commit[root] for root in batches.root]
    found: Counter[tuple[int, int]] = Counter()
    for batch, commit, lost in zip(deaths.batch, deaths.commit, deaths.lines, strict=True):
        found[born[batch], commit] += lost
    assert found == made.deaths
    assert (
        Counter(born[owner] for file in lines.standing.live.values() for owner in file.lines()) == made.alive
    )
    assert list(commits.respaced) == made.respaced


@pytest.mark.parametrize("seed", range(25))
def test_births_deaths_and_owners_are_exact(tmp_path: Path, seed: int) -> None:
    made = History(seed).build(tmp_path, commits=40)
    lines = read(tmp_path, every=True)
    agrees(lines, made)
    check(tmp_path, lines)
