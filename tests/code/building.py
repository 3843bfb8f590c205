"""Repositories made for a test, by git's own importer: each commit is given as the whole tree it holds."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

Tree = Mapping[bytes, bytes | tuple[str, bytes]]
"""Content by path; with a mode where it is no plain file."""
ENVIRONMENT = {
    "PATH": os.environ["PATH"], "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}  # fmt: skip
START, DAY = 1_600_000_000, 86_400


def git(folder: Path, *arguments: str | bytes, given: bytes = b"") -> bytes:
    command = ["git", "-c", "core.quotePath=false", "-C", str(folder), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True, env=ENVIRONMENT).stdout


class Builder:
    """``commit`` a tree after a tree; ``done`` imports them and checks nothing out."""

    def __init__(self, folder: Path, kind: str = "sha1") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "--quiet", "--initial-branch=main", f"--object-format={kind}", ".")
        self._stream: list[bytes] = []
        self._made = 0

    def commit(self, tree: Tree, *, parents: Sequence[int] | None = None, branch: str = "main") -> int:
        """Number of the commit. By default it follows the one before; ``parents`` may be several or none."""
        self._made += 1
        number = self._made
        after = ([number - 1] if number > 1 else []) if parents is None else list(parents)
        lines = [f"commit refs/heads/{branch}", f"mark :{number}"]
        lines += [f"committer a <a@example.org> {START + number * DAY} +0000", "data 0", ""]
        lines += [f"{'merge' if position else 'from'} :{parent}" for position, parent in enumerate(after)]
        if not after:
            self._stream.append(f"reset refs/heads/{branch}\n".encode())
        self._stream.append("\n".join([*lines, "deleteall", ""]).encode())
        self._stream += [_file(path, content) for path, content in tree.items()]
        return number

    def done(self) -> list[str]:
        """Ids of all commits, in the order they were made."""
        marks = self.folder / ".git" / "marks"
        known = [f"--import-marks={marks}"] if marks.exists() else []
        git(
            self.folder,
            "fast-import",
            "--quiet",
            "--force",
            f"--export-marks={marks}",
            *known,
            given=b"".join(self._stream),
        )
        self._stream.clear()
        found = dict(line.split(" ") for line in marks.read_text().splitlines())
        return [found[f":{number}"] for number in range(1, self._made + 1)]


def _file(path: bytes, content: bytes | tuple[str, bytes]) -> bytes:
    mode, data = content if isinstance(content, tuple) else ("100644", content)
    name = b'"%s"' % b"".join(b"\\%03o" % byte for byte in path)
    if mode == "160000":
        return b"M 160000 %s %s\n" % (data, name)
    return b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), name, len(data), data)


def blame(folder: Path, path: bytes) -> list[str]:
    """git's own answer: commit of every line at the head."""
    told = git(folder, "blame", "--first-parent", "--incremental", "HEAD", "--", path)
    owners: dict[int, str] = {}
    for found in re.finditer(rb"^([0-9a-f]{40,64}) \d+ (\d+) (\d+)$", told, re.MULTILINE):
        first, count = int(found[2]), int(found[3])
        owners |= {line: found[1].decode() for line in range(first, first + count)}
    return [owners[line] for line in sorted(owners)]


def text(*lines: str, end: str = "\n") -> bytes:
    return ("\n".join(lines) + end).encode() if lines else b""
