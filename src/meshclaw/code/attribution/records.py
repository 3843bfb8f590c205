"""All that stands beside the commits of a repository: git-ai's notes and records of agent-trace, in one reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meshclaw.code import commits
from meshclaw.code.attribution import notes, traces
from meshclaw.code.attribution.beside import Beside
from meshclaw.code.attribution.rules import Rules, shipped
from meshclaw.code.commits import Graph
from meshclaw.code.git import Repository
from meshclaw.errors import Damaged, Operational


def read(
    repository: Repository,
    graph: Graph,
    places: Sequence[Path] = (),
    rules: Rules | None = None,
) -> Beside:
    """``places``: files and folders of agent-trace records beside those that the head holds; ``OSError`` is theirs."""
    rules = rules or shipped()
    beside = Beside()
    try:
        notes.read(repository, graph.commits, beside, rules)
    except (Damaged, Operational) as error:
        beside.caveats.append(f"Notes of git-ai could not be read: {error}.")
    try:
        files = [
            *traces.at_head(repository),
            *(found for place in places for found in traces.on_disk(place)),
        ]
        traces.take(files, graph.commits, lambda shas: commits.touched(repository, shas), beside, rules)
    except (Damaged, Operational) as error:
        beside.caveats.append(f"Records of agent-trace could not be read: {error}.")
    beside.settle()
    return beside
