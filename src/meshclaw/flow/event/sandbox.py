"""What a command in a sandbox did that matters outside: how it ended, what it left, what it reached and what not.

What it asked for was chosen by whoever wrote it, so hosts and addresses stand in the content store.
"""

from __future__ import annotations

from typing import Literal

from meshclaw.flow.event.base import Event


class SandboxEnded(Event, frozen=True, kw_only=True, tag="sandbox.ended"):
    """A command ended, and all that it had started."""

    code: int
    """Exit code; 128 and the signal's number where one ended it."""
    stopped: Literal["", "time", "disk"] = ""
    """What the sandbox ended it for."""
    sandboxed: bool = True
    """False where the ceiling file lets commands run without a sandbox and there was none."""
    planted: tuple[str, ...] = ()
    """Protected paths that were free before, as our list names them; what it put there was renamed."""
    refused: int = 0
    """How often something was not let out, at most 1,000."""
    passed: int = 0
    """How many connections and requests went out, at most 1,000."""


class EgressRefused(Event, frozen=True, kw_only=True, tag="egress.refused"):
    """Something did not leave a sandbox. Like ones of one command are one event; of different ones the first 100."""

    rule: str
    """The refusing rule, as in ``egress.host``."""
    method: str
    """A common method of HTTP, ``other``, or empty where it came to none."""
    place: str = ""
    """Digest of host and port in the content store; empty where none could be read."""
    count: int = 1
    """How often."""


class EgressPassed(Event, frozen=True, kw_only=True, tag="egress.passed"):
    """Something left a sandbox. Like ones of one command are one event; of different ones the first 100."""

    method: str
    """As above; ``CONNECT`` for a tunnel that nobody looked into."""
    place: str
    """Digest of host, port and address in the content store."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that were put in."""
    count: int = 1
    """How often."""
