"""What was used, folded from the ledger's events: by one run with its sub-agents, in the last hour, in the last day.

An allowed action counts from its decision on, before it is done. One that certainly did not happen gives back its
money, recipients, files and deploys; the attempt itself stays counted. Time runs by the ledger: a clock that went
back takes nothing out of a window.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import cast
from weakref import WeakSet

import msgspec

from meshclaw.flow.cost import Cost, What
from meshclaw.flow.event.action import ActionDecided, ActionFailed
from meshclaw.flow.event.approval import ApprovalAsked
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import ClockStepped
from meshclaw.flow.event.model import ModelAnswered, ModelAsked, ModelFailed
from meshclaw.flow.event.run import RunFrozen, RunStarted
from meshclaw.guard.limits import Span, Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = float("-inf")
ALIKE = 10
"""Asks of one verb by one rule in one breath that a person sees as one question."""

KINDS = (
    RunStarted, RunFrozen, ActionDecided, ActionFailed, ApprovalAsked, ClockStepped, ModelAsked, ModelAnswered,
    ModelFailed,
)  # fmt: skip
"""The events that ``Spent`` is made of."""

DISTINCT: frozenset[What] = frozenset({"recipients", "files"})


class Reserved(msgspec.Struct):
    """One allowed action's share; ``at`` is in milliseconds of the ledger's time."""

    at: float
    cost: Cost


class Tally:
    """Sums over costs; the same recipient or file counts once, however often it comes."""

    def __init__(self) -> None:
        self._sums: Counter[What] = Counter()
        self._seen: dict[What, Counter[str]] = {what: Counter() for what in DISTINCT}

    def add(self, cost: Cost, sign: int = 1) -> None:
        for what, value in cost.parts:
            if isinstance(value, int):
                self._sums[what] += sign * value
                continue
            seen = self._seen[what]
            for mark in value:
                seen[mark] += sign
                if not seen[mark]:
                    del seen[mark]

    def used(self, what: What) -> int:
        return len(self._seen[what]) if what in DISTINCT else self._sums[what]

    def over(self, cost: Cost, window: Window) -> Iterator[tuple[What, int, int]]:
        """What ``cost`` would bring over its limit: how much it adds, and the limit."""
        for what, value in cost.parts:
            if isinstance(value, int):
                used, more = self._sums.get(what, 0), value
            else:
                seen = self._seen[what]
                used, more = len(seen), len(set(value) - seen.keys())
            if more and used + more > (limit := window.of(what)):
                yield what, more, limit


class Rolling(Tally):
    """The last hour or day."""

    def __init__(self, span: timedelta) -> None:
        super().__init__()
        self._span_ms = span / timedelta(milliseconds=1)
        self._kept: deque[Reserved] = deque()
        self._floor = LONG_AGO

    def keep(self, reserved: Reserved) -> None:
        if self.holds(reserved):
            self._kept.append(reserved)
            self.add(reserved.cost)

    def holds(self, reserved: Reserved) -> bool:
        return reserved.at > self._floor

    def advance(self, now: float) -> None:
        """Forget what is older than the span."""
        self._floor = now - self._span_ms
        while self._kept and self._kept[0].at <= self._floor:
            self.add(self._kept.popleft().cost, -1)

    def frees_in(self, what: What) -> timedelta:
        """Until the oldest of it is forgotten."""
        at = next((kept.at for kept in self._kept if getattr(kept.cost, what)), self._floor)
        return timedelta(milliseconds=at - self._floor)


class Windows:
    """The last hour and the last day, of all runs. ``trees`` are told of every event that they are."""

    def __init__(self) -> None:
        self.hour = Rolling(HOUR)
        self.day = Rolling(DAY)
        self.trees: WeakSet[Spent] = WeakSet()
        self._reserved: dict[str, Reserved] = {}
        self._now = 0.0
        self._lost_ms = 0
        """By how much the clock went back in all."""

    def advance(self, now: datetime) -> None:
        """Let time pass; it never goes back."""
        at = self._time(now)
        self.hour.advance(at)
        self.day.advance(at)

    def take(self, event: Event, at: datetime | None = None) -> None:
        """``at``: where the event is not stamped yet."""
        at = at or datetime.fromisoformat(event.ts)
        self._fold(event, self._time(at))
        for tree in self.trees:
            tree.fold(event, at)

    def _fold(self, event: Event, time: float) -> None:
        match event:
            case ActionDecided() if event.verdict == "allow":
                self._reserve(event.external_id, event.cost, time)
                if event.cost == event.cost.tried():
                    del self._reserved[event.external_id]  # nothing of it will be given back
            case ActionFailed() if (reserved := self._reserved.get(event.external_id)) is not None:
                self._settle(event.external_id, reserved.cost.tried())
            case ModelAsked() | ModelAnswered() | ModelFailed():
                for key, cost, is_new in _answer(event):
                    if is_new:
                        self._reserve(key, cost, time)
                    else:
                        self._settle(key, cost)
            case ClockStepped():
                self._lost_ms += event.back_ms
            case _:
                pass

    def _time(self, at: datetime) -> float:
        """Milliseconds; steps of the clock are taken out, and what is left of them never runs backwards."""
        self._now = max(self._now, at.timestamp() * 1000 + self._lost_ms)
        return self._now

    def _reserve(self, key: str, cost: Cost, at: float) -> None:
        self._reserved[key] = reserved = Reserved(at=at, cost=cost)
        for window in (self.hour, self.day):
            window.keep(reserved)

    def _settle(self, key: str, cost: Cost) -> None:
        """It came to ``cost`` in the end."""
        reserved = self._reserved.pop(key, None)
        if reserved is None:
            return
        given_back, reserved.cost = reserved.cost, cost
        for window in (self.hour, self.day):
            if window.holds(reserved):
                window.add(given_back, -1)
                window.add(cost)


def _answer(event: ModelAsked | ModelAnswered | ModelFailed) -> Iterator[tuple[str, Cost, bool]]:
    """What is reserved (True) or settled, by key. A run waits for one answer at a time."""
    call = f"{event.run}/{event.step}"
    match event:
        case ModelAsked():
            yield call, Cost(inference=event.reserved_micros), True
        case ModelAnswered():
            yield call, Cost(inference=event.cost_micros), False
        case ModelFailed():
            yield f"{call}/{event.model}", Cost(inference=event.kept_micros), True
            if event.last:
                yield call, Cost(), False


class Spent:
    """``root`` is the run that a person or a schedule asked for; ``mark`` tells equal names without telling them.

    ``windows`` may be those of other trees as well.
    """

    def __init__(
        self, root: str = "", mark: Callable[[str], str] = str, windows: Windows | None = None
    ) -> None:
        self.mark = mark
        self.windows = windows or Windows()
        self.run = Tally()
        self.frozen = False
        self.has_read = False
        """Something in this tree was allowed to read."""
        self._siblings: dict[str, int] = {root: 0}
        self._parents: dict[str, str] = {root: ""}
        self._children: Counter[str] = Counter()
        self._tries: Counter[str] = Counter()
        self._asked: set[str] = set()
        self._questions: Counter[tuple[datetime, str, str]] = Counter()
        self._reserved: dict[str, Cost] = {}
        self.windows.trees.add(self)

    @property
    def hour(self) -> Rolling:
        return self.windows.hour

    @property
    def day(self) -> Rolling:
        return self.windows.day

    # -- folding -------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        self.windows.advance(now)

    def take(self, event: Event, at: datetime | None = None) -> None:
        """``at``: where the event is not stamped yet."""
        self.windows.take(event, at)

    def fold(self, event: Event, at: datetime | None = None) -> None:
        """For the tree alone: what the windows have already, or are too young for."""
        match event:
            case ActionDecided() if event.verdict == "allow" and event.run in self._parents:
                self._reserve(event.external_id, event.cost)
                if event.cost == event.cost.tried():
                    del self._reserved[event.external_id]
                self._tries[event.digest] += 1
                self.has_read = self.has_read or event.effect == "read"
            case ActionFailed() if (cost := self._reserved.get(event.external_id)) is not None:
                self._settle(event.external_id, cost.tried())
            case ModelAsked() | ModelAnswered() | ModelFailed() if event.run in self._parents:
                for key, cost, is_new in _answer(event):
                    (self._reserve if is_new else self._settle)(key, cost)
            case ApprovalAsked() if event.run in self._parents and self.has_read:
                self._asked.add(event.external_id)
                self._questions[at or datetime.fromisoformat(event.ts), event.verb, event.rule] += 1
            case RunStarted() if event.parent in self._parents and event.run not in self._parents:
                self._parents[event.run] = event.parent
                self._children[event.parent] += 1
                self._siblings[event.run] = self._children[event.parent]
            case RunStarted() if event.run in self._parents and event.after:
                self.has_read = True  # in the conversation that it goes on with
            case RunFrozen() if event.run in self._parents:
                self.frozen = True
            case _:
                pass

    def _reserve(self, key: str, cost: Cost) -> None:
        self._reserved[key] = cost
        self.run.add(cost)

    def _settle(self, key: str, cost: Cost) -> None:
        if (reserved := self._reserved.pop(key, None)) is not None:
            self.run.add(reserved, -1)
            self.run.add(cost)

    # -- asking --------------------------------------------------------------------------

    def used(self, span: Span, name: str) -> int:
        """How much of the limit ``name`` is used, as in ``Limits``."""
        most = {
            "identical": max(self._tries.values(), default=0),
            "questions": self.questions,
            "depth": max(map(self.depth, self._parents)),
            "children": max(self._children.values(), default=0),
        }
        return most[name] if name in most else self.of(span).used(cast("What", name))

    @property
    def tree(self) -> frozenset[str]:
        """The run and all its sub-agents."""
        return frozenset(self._parents)

    def of(self, span: Span) -> Tally:
        return {"run": self.run, "hour": self.hour, "day": self.day}[span]

    def tries(self, digest: str) -> int:
        """How often this very verb was allowed with these very arguments."""
        return self._tries[digest]

    def depth(self, run: str) -> int:
        """0 for the root, 1 for its sub-agents, and so on."""
        depth = 0
        while run := self._parents.get(run, ""):
            depth += 1
        return depth

    def place(self, run: str) -> int:
        """The how-manieth sub-agent of its parent it is; 0 for the root."""
        return self._siblings.get(run, 0)

    @property
    def questions(self) -> int:
        """Put to the person since the first read; like ones asked in one breath are one."""
        return sum(-(-count // ALIKE) for count in self._questions.values())

    def questions_after(self, external_id: str, verb: str, rule: str, now: datetime) -> int:
        """How many there are once this is asked as well; what was asked before is no new one."""
        if external_id in self._asked:
            return self.questions
        alike = self._questions[now, verb, rule]
        return self.questions + (alike % ALIKE == 0)
