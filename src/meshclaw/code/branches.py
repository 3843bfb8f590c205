"""What is on branches and not yet in the head."""

from __future__ import annotations

from pathlib import Path

from meshclaw.code import git

MOST_TIPS = 2_000
"""Branches that are looked at, the youngest."""


def unmerged(path: Path, since: int) -> set[str]:
    """Commits of branches, also remote ones, whose last commit is not older than ``since`` (Unix seconds)."""
    told = git.asked(
        path, "for-each-ref", "--sort=-committerdate", "--format=%(objectname) %(committerdate:unix)",
        f"--count={MOST_TIPS}", "refs/heads", "refs/remotes",
    ).stdout.decode("ascii", "replace")  # fmt: skip
    tips = {
        sha
        for sha, _, at in (row.partition(" ") for row in told.splitlines())
        if at.isdigit() and int(at) >= since
    }
    with git.opened(path) as repository:
        asked = "".join(f"{sha}\n" for sha in [*sorted(tips), f"^{repository.head}"])
        return set(repository.run("rev-list", "--stdin", given=asked.encode()).decode().split())
