"""Files of a git repository's newest commit. Nothing is checked out, so no filter, hook or link of it does anything."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from meshclaw.agents.source import archive
from meshclaw.agents.source.files import Files
from meshclaw.errors import NotReachable, UserError

SECONDS = 120
MOST_CLONED = 64 << 20
"""Bytes of the largest file that git may write."""
_CONFIG = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=false", "core.attributesFile=/dev/null",
    "protocol.allow=never", "transfer.fsckObjects=true", "submodule.recurse=false", "credential.helper=",
    "http.followRedirects=false", "gc.auto=0",
)  # fmt: skip
_BOUNDED = 'ulimit -f "$1"; shift; exec "$@"'


def is_one(source: str) -> bool:
    """``https://…`` or ``git+file:///…`` with the folder in it behind a ``#``; or a path that ends with ``.git``."""
    return source.startswith(("https://", "git+file://")) or source.partition("#")[0].endswith(".git")


def read(source: str) -> Files:
    """Raises UserError for an address that is not taken, NotReachable where git does not get it."""
    address, _, folder = source.partition("#")
    url, protocol = _url(address)
    with tempfile.TemporaryDirectory(prefix="meshclaw-git-") as scratch:
        there = Path(scratch) / "repository"
        _git(
            scratch, source, MOST_CLONED, "-c", f"protocol.{protocol}.allow=always", "clone", "--bare", "--depth=1",
            "--no-tags", "--single-branch", "--no-local", "--template=", "--quiet", "--", url, str(there),
        )  # fmt: skip
        tree = f"HEAD:{folder.strip('/')}" if folder else "HEAD"
        packed = Path(scratch) / "agent.tar"
        _git(
            scratch, source, archive.MOST_PACKED, f"--git-dir={there}", "archive", "--format=tar", f"--output={packed}",
            "--end-of-options", tree,
        )  # fmt: skip
        return archive.read(packed, source)


def _url(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if parts.username or parts.password:
        raise UserError(
            "an address of a repository must not hold a name or password", fix="Clone it yourself."
        )
    if parts.scheme == "https" and parts.hostname:
        return address, "https"
    if parts.scheme == "git+file" and not parts.netloc:
        return f"file://{parts.path}", "file"
    if not parts.scheme and Path(address).is_dir():
        return f"file://{Path(address).resolve()}", "file"
    raise UserError(
        f"{address!r} is no repository that can be taken",
        fix="Write https://host/agent.git or git+file:///path.",
    )


def _git(scratch: str, source: str, most: int, *arguments: str) -> None:
    """In a home and with settings of its own, asking nobody for anything; ``most`` bytes in one file."""
    settings = [part for one in _CONFIG for part in ("-c", one)]
    line = ["/bin/sh", "-c", _BOUNDED, "sh", str(most // 512), "git", *settings, *arguments]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": scratch, "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ATTR_NOSYSTEM": "1", "GIT_NO_REPLACE_OBJECTS": "1",
    }  # fmt: skip
    try:
        subprocess.run(line, check=True, capture_output=True, timeout=SECONDS, env=environment, cwd=scratch)
    except subprocess.TimeoutExpired as error:
        raise NotReachable(f"{source!r} was not there after {SECONDS} seconds") from error
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode("utf-8", "replace").strip().splitlines()
        why = (
            "".join(c if c.isprintable() else " " for c in told[-1])[:200]
            if told
            else f"code {error.returncode}"
        )
        raise NotReachable(f"git does not get {source!r} ({why})") from error
