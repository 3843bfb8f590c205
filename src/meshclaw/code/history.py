"""One repository's lines, from birth to death, in columns: a history has millions of lines.

Counted along first parents: a merge is one commit that brings in all it merged, as main saw it. Lines that one commit
added to one file share a batch; every index below is a position in a column.
"""

from __future__ import annotations

from array import array

import msgspec


class Commits(msgspec.Struct, kw_only=True):
    """The first-parent line, oldest first."""

    sha: list[str] = msgspec.field(default_factory=list[str])
    at: array[int] = msgspec.field(default_factory=lambda: array("q"))
    """Unix seconds by the committer's clock."""
    added: array[int] = msgspec.field(default_factory=lambda: array("L"))
    died: array[int] = msgspec.field(default_factory=lambda: array("L"))
    respaced: array[int] = msgspec.field(default_factory=lambda: array("L"))
    """Lines whose white space alone changed; in neither of the two above."""
    forward: list[bytes] = msgspec.field(default_factory=list[bytes])
    """Digest of the change itself, without line numbers and white space; 8 bytes, empty where nothing changed."""
    backward: list[bytes] = msgspec.field(default_factory=list[bytes])
    """Digest of the inverse change: a commit whose ``forward`` is another's ``backward`` reverts it."""
    before: list[bytes] = msgspec.field(default_factory=list[bytes])
    """Digest of the touched files' names and contents before; equal to another's ``after`` when one restored them.
    Files of excluded classes have no part in the four digests."""
    after: list[bytes] = msgspec.field(default_factory=list[bytes])


class Files(msgspec.Struct, kw_only=True):
    """Every file that ever was; a renamed file stays the same."""

    path: list[bytes] = msgspec.field(default_factory=list[bytes])
    """As first named; git does not promise UTF-8."""
    born: array[int] = msgspec.field(default_factory=lambda: array("L"))
    """Commit that created it."""
    kind: list[str] = msgspec.field(default_factory=list[str])
    """``source``, or the excluded class that its path belongs to: ``lock``, ``generated``, ``vendored``, ...; or
    ``link`` or ``submodule``."""


class Batches(msgspec.Struct, kw_only=True):
    """Lines that one commit added to one file."""

    commit: array[int] = msgspec.field(default_factory=lambda: array("L"))
    file: array[int] = msgspec.field(default_factory=lambda: array("L"))
    lines: array[int] = msgspec.field(default_factory=lambda: array("L"))
    root: array[int] = msgspec.field(default_factory=lambda: array("L"))
    """Itself; or the batch whose lines these are, respaced by a later commit. Only roots have deaths."""
    mark: array[int] = msgspec.field(default_factory=lambda: array("L"))
    """0, or what the caller said of these very lines (a note that tells AI lines from a person's)."""
    long: array[int] = msgspec.field(default_factory=lambda: array("B"))
    """1 for lines too long to have been written by hand; set apart like an excluded file."""


class Deaths(msgspec.Struct, kw_only=True):
    """Lines of one root batch that one commit ended."""

    batch: array[int] = msgspec.field(default_factory=lambda: array("L"))
    commit: array[int] = msgspec.field(default_factory=lambda: array("L"))
    lines: array[int] = msgspec.field(default_factory=lambda: array("L"))


class History(msgspec.Struct, kw_only=True):
    head: str
    commits: Commits
    files: Files
    batches: Batches
    deaths: Deaths
    caveats: list[str] = msgspec.field(default_factory=list[str])
    """What could not be read or known, in words for a person."""
