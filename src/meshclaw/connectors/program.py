"""A program that a connector talks to over its standard input and output. Whoever wires it says where it may run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    code: int
    """Exit code; 128 and the signal's number where one ended it."""
    stopped: str = ""
    """What it was ended for, as in ``time``."""
    told: str = ""
    """The end of what it wrote to its standard error: a stranger's words, for a person's eyes alone."""


class Program(Protocol):
    def __call__(self, stdin: int, heard: Callable[[bytes], None], over: Callable[[], bool], /) -> Ended:
        """Run it until it ends, or until ``over``, which is asked all the time. ``stdin`` is a descriptor to read from.

        ``heard`` gets its output in pieces. Raises MeshClawError where it cannot be run.
        """
        ...
