"""A bare clone of ours of a repository elsewhere: nothing of it is checked out, and nothing in it is executed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from meshclaw.code.git import environment
from meshclaw.errors import Operational

ALLOWED = ("https", "ssh", "file")
REACHED = ("HOME", "SSH_AUTH_SOCK", "GIT_ASKPASS", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
"""What git needs of the environment to reach who asks for a sign-in."""
SAFE = (
    "-c", "protocol.allow=never", *(part for name in ALLOWED for part in ("-c", f"protocol.{name}.allow=always")),
    "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false",
    "-c", "gc.auto=0", "-c", "safe.directory=*",
)  # fmt: skip
NOTES = "+refs/notes/*:refs/notes/*"


def brought(url: str, place: Path) -> Path:
    """The repository's head and notes in the folder ``place``, which is made, or brought to what is there now.

    Raises ``Operational`` where it cannot be reached.
    """
    if not place.exists():
        half = place.with_name(f"{place.name}.{os.getpid()}")
        place.parent.mkdir(parents=True, exist_ok=True)
        _git(
            "clone", "--quiet", "--bare", "--single-branch", "--no-tags", "--template=", "--", url, str(half)
        )
        half.replace(place)
        _git("-C", str(place), "fetch", "--quiet", "--no-tags", "--", url, NOTES)
    else:
        branch = _git("-C", str(place), "symbolic-ref", "HEAD").strip()
        _git("-C", str(place), "fetch", "--quiet", "--no-tags", "--", url, f"+HEAD:{branch}", NOTES)
    return place


def _git(*arguments: str) -> str:
    kept = {name: os.environ[name] for name in REACHED if name in os.environ}
    done = subprocess.run(
        ["git", *SAFE, *arguments], capture_output=True, check=False, env=environment() | kept, text=True,
        errors="replace", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise Operational(
            f"git could not bring it: {' '.join(done.stderr.split())}",
            fix="See that its address is right and that git can sign in there without asking.",
        )
    return done.stdout
