"""What a model is to the rest of the house."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from meshclaw.flow.conversation import Prompt, Reply


class Model(Protocol):
    """Held to ``tests/contracts/test_models.py``; any number of threads may ask at once."""

    @property
    def name(self) -> str:
        """In the settings, as in ``anthropic:claude-haiku-4-5``."""
        ...

    def ask(self, prompt: Prompt, *, limit: int, heard: Callable[[str], None] | None = None) -> Reply:
        """The answer, of at most ``limit`` output tokens; nothing is asked twice.

        ``heard`` gets its text piece by piece, in the caller's thread. Together the pieces are ``reply.said.text``.

        Raises SignInNeeded, NotReachable, Cut, Throttled, Refused, TooLong, Garbled; UserError where the settings
        name what cannot be asked.
        """
        ...

    def close(self) -> None:
        """Let go of its connections; asking again opens new ones."""
        ...
