"""What the tests of a real sandbox share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from meshclaw.guard.sandbox.process import Finished
from meshclaw.guard.sandbox.profile import Limits, Profile
from meshclaw.guard.sandbox.run import find, run

MB = 1 << 20
Box = Callable[..., Finished]

needs_bubblewrap = pytest.mark.skipif(
    find().kind != "bubblewrap", reason="needs bubblewrap (apt install bubblewrap) on Linux"
)


def small(work: Path, **limits: float) -> Profile:
    """A profile whose limits are reached quickly."""
    given = {"wall_s": 20.0, "tmp_bytes": 2 * MB, "free_bytes": 0} | limits
    return Profile(work=work, limits=Limits(**given))


def sh(script: str, work: Path, made: Profile | None = None) -> Finished:
    """Run a shell script in a sandbox."""
    return run(made or small(work), ["sh", "-c", script])


def python(script: str, *arguments: str) -> Sequence[str]:
    """The system's Python, which the sandbox shows."""
    return ["/usr/bin/python3", "-I", "-S", "-c", script, *arguments]
