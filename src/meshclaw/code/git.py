"""The one way to run git on a repository that nobody vouches for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from meshclaw.errors import UserError

SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never",
    "-c", "log.showSignature=false", "-c", "i18n.logOutputEncoding=UTF-8",
)  # fmt: skip
KEPT = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")


def run(repository: Path, *args: str, given: bytes = b"") -> bytes:
    """What git writes; ``given`` is its standard input. Raises ``UserError`` with git's own words."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {
        "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "--no-pager", *SAFE, "-c", "safe.directory=*", "-C", str(repository), *args],
        input=given, capture_output=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(f"{repository}: git {args[0]} failed: {said[0] if said else done.returncode}")
    return done.stdout
