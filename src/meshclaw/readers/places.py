"""Where a source's files lie on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from meshclaw.flow.usage import Unread
from meshclaw.readers.base import Source

Entry = tuple[str, os.stat_result]
"""Path, and how the file looks now."""


def roots(source: Source, home: Path, environ: Mapping[str, str]) -> list[Path]:
    """The folders that a tool may keep its records in, whether they exist or not."""
    named = [
        Path(folder.strip()).expanduser()
        for name in source.variables
        for folder in environ.get(name, "").split(",")
        if folder.strip()
    ]
    return named or [home / root for root in source.roots]


def find(source: Source, home: Path, environ: Mapping[str, str]) -> Iterator[Entry | Unread]:
    """Every file that fits a glob, each once, whatever links lead to its root; folders that may not be read by name."""
    walked, denied = set[str](), set[str]()
    for root in roots(source, home, environ):
        real = os.path.realpath(root)
        if real in walked or not os.path.isdir(real):  # noqa: PTH112 - no Path where thousands are walked
            continue
        walked.add(real)
        for glob in source.globs:
            start, _, _ = glob.partition("*")
            folder = str(root / start.rpartition("/")[0])
            for found in _walk(folder, _pattern(str(root), glob), _depth(glob, start)):
                if isinstance(found, Unread):
                    if any(f"{found.path}/".startswith(f"{folder}/") for folder in denied):
                        continue  # told of already, or below one that was
                    denied.add(found.path)
                yield found


def _depth(glob: str, start: str) -> int:
    """Folders below the fixed part that can hold a fit."""
    return 10**6 if "**" in glob else glob.count("/") - start.count("/")


def _pattern(root: str, glob: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "*": "[^/]*"}
    below = "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*)", glob))
    return re.compile(f"{re.escape(root.rstrip('/'))}/{below}", re.DOTALL)


def _walk(folder: str, pattern: re.Pattern[str], depth: int) -> Iterator[Entry | Unread]:
    """In the order of names. What goes away meanwhile is gone; links to folders are not followed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        yield Unread(path=printable(folder), why="denied")
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                if depth > 0:
                    yield from _walk(entry.path, pattern, depth - 1)
            elif pattern.fullmatch(entry.path) and entry.is_file():
                yield entry.path, entry.stat()
        except FileNotFoundError:
            continue
        except OSError:
            yield Unread(path=printable(entry.path), why="denied")


def printable(path: str) -> str:
    """A name that is no UTF-8 can be opened but neither stored nor shown."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
