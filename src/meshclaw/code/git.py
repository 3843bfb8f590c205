"""The one way to run git on a repository that nobody vouches for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged, UserError

SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never",
    "-c", "log.showSignature=false", "-c", "safe.directory=*",
)  # fmt: skip
ENVIRONMENT = {
    "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0",
}  # fmt: skip


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    path: Path
    head: str

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """What git writes; ``given`` is its standard input. Raises ``Damaged`` with git's own words."""
        done = _git(self.path, *arguments, given=given)
        if done.returncode:
            raise Damaged(
                f"{self.path}: git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}"
            )
        return done.stdout


@contextmanager
def opened(path: Path) -> Generator[Repository]:
    done = _git(path, "rev-parse", "--quiet", "--verify", "HEAD")
    if done.returncode:
        raise UserError(f"{path}: no git repository with a commit", fix="Name the folder of a repository.")
    yield Repository(path=path, head=done.stdout.decode().strip())


def _git(path: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"]} | ENVIRONMENT
    command = ["git", "--no-pager", *SAFE, "-C", str(path), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False, env=environment)
