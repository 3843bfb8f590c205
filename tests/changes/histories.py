"""Histories whose lines have lifetimes that the test chose."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import exp

from meshclaw.changes.sample import Known
from meshclaw.code.history import Batches, Commits, Deaths, Files, History
from meshclaw.flow.attribution import Attribution

DAY = 86_400
START = 1_767_225_600
"""2026-01-01."""

HUMAN = Attribution(origin="human")
BOT = Attribution(origin="bot", tool="dependabot")
UNKNOWN = Attribution(origin="unknown")


def ai(tool: str = "claude-code") -> Attribution:
    return Attribution(origin="ai", tool=tool)


class Making:
    """``commit`` in their order; ``add`` and ``end`` in any."""

    def __init__(self) -> None:
        self.history = History(
            head="", commits=Commits(), files=Files(), batches=Batches(), deaths=Deaths(), caveats=[]
        )
        self.attributions: dict[str, Attribution] = {}
        self._files: dict[bytes, int] = {}

    def commit(self, day: float, by: Attribution = HUMAN) -> int:
        number = len(self.history.commits.sha)
        sha = f"{number:040x}"
        self.history.commits.sha.append(sha)
        self.history.commits.at.append(START + round(day * DAY))
        for column in (self.history.commits.added, self.history.commits.died, self.history.commits.respaced):
            column.append(0)
        self.history.head = sha
        self.attributions[sha] = by
        return number

    def add(
        self, commit: int, lines: int, path: bytes = b"a.py", *, kind: str = "source", mark: int = 0,
        long: bool = False, root: int | None = None,
    ) -> int:  # fmt: skip
        """The batch."""
        if path not in self._files:
            self._files[path] = len(self._files)
            self.history.files.path.append(path)
            self.history.files.born.append(commit)
            self.history.files.kind.append(kind)
        batches, number = self.history.batches, len(self.history.batches.lines)
        for column, value in (
            (batches.commit, commit), (batches.file, self._files[path]), (batches.lines, lines),
            (batches.root, number if root is None else root), (batches.mark, mark), (batches.long, int(long)),
        ):  # fmt: skip
            column.append(value)
        return number

    def end(self, batch: int, commit: int, lines: int) -> None:
        deaths = self.history.deaths
        deaths.batch.append(batch)
        deaths.commit.append(commit)
        deaths.lines.append(lines)

    def known(self, **more: object) -> Known:
        return Known(self.attributions, **more)  # type: ignore[arg-type]


def lifetimes(plan: Iterable[tuple[float, Attribution, int, float | None]], until: float) -> Making:
    """``plan``: of each commit its day, who made it, its lines and how many days they live; a last commit at ``until``.

    Each death is a commit of its own by a person that adds nothing.
    """
    making = Making()
    events: list[tuple[float, int, int]] = []
    steps = list(plan)
    for number, (day, _, _, lived) in enumerate(steps):
        events.append((day, 0, number))
        if lived is not None and day + lived <= until:
            events.append((day + lived, 1, number))
    batches: dict[int, int] = {}
    for day, is_death, number in sorted(events):
        _, by, lines, _ = steps[number]
        if is_death:
            making.end(batches[number], making.commit(day), lines)
        else:
            batches[number] = making.add(making.commit(day, by), lines, f"f{number % 7}.py".encode())
    making.commit(until)
    return making


def large(seed: int, *, commits: int = 16_000, batches: int = 150_000, deaths: int = 300_000) -> Making:
    """As large as a real one: sizes log-normal, a third of the later commits by two AI tools."""
    rng = random.Random(seed)
    making = Making()
    sorts = [HUMAN, HUMAN, HUMAN, HUMAN, ai(), ai("copilot"), BOT]
    for number in range(commits):
        making.commit(number / 8, rng.choice(sorts) if number > commits // 2 else HUMAN)
    paths = [f"src/{number}.{rng.choice(['py', 'ts', 'md'])}".encode() for number in range(4_000)]
    for _ in range(batches):
        making.add(rng.randrange(commits), max(1, round(exp(rng.gauss(2, 1.4)))), rng.choice(paths))
    left = list(making.history.batches.lines)
    for _ in range(deaths):
        batch = rng.randrange(batches)
        born = making.history.batches.commit[batch]
        if left[batch]:
            gone = rng.randint(1, left[batch])
            left[batch] -= gone
            making.end(batch, min(commits - 1, born + int(rng.expovariate(1 / 2000))), gone)
    return making
