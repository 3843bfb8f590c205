"""What goes wrong on the way, by method."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import Literal

import msgspec


class Fault(msgspec.Struct, frozen=True):
    how: Literal["drop", "status", "error", "garbage", "slow", "rate"]
    done: bool = False
    """Whether what was asked for happens all the same."""
    code: str = "internal_error"
    status: int = 500
    seconds: float = 1
    """That it takes, or that a 429 asks to wait."""
    times: int = 1


class Faults:
    """Each call of a method takes the oldest one that is left for it; ``*`` stands for any method."""

    def __init__(self) -> None:
        self._left: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add(self, method: str, fault: Fault) -> None:
        self._left[method].extend([fault] * fault.times)

    def take(self, method: str) -> Fault | None:
        with self._lock:
            return next((self._left[one].popleft() for one in (method, "*") if self._left[one]), None)
