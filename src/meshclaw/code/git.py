"""The one way to run git on a repository that nobody vouches for: only its objects are read, nothing of it is obeyed.

Every command runs in an empty git directory of ours that borrows the objects of the repository. So its configuration,
hooks, filters, grafts, replacements, promisors, attributes and work tree are not there to be obeyed or executed, by any
version of git. Two questions alone are put to the repository itself: where its objects are, and which its head is.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import zlib
from binascii import unhexlify
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from hashlib import sha1, sha256
from pathlib import Path
from typing import IO

import msgspec

from meshclaw.errors import Damaged, MeshClawError, Operational, UserError

LARGEST = 32 << 20
"""Bytes of a file; git treats a larger one as binary, so that nobody's memory holds its difference."""
MOST_ABSENT = 1_000
"""Objects that may be absent before a repository counts as a partial clone."""
SHA1 = 40
"""Digits of an id; there are more in the other kind."""
KEPT = ("PATH", "TMPDIR", "SYSTEMROOT")
ENVIRONMENT = {
    "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat", "GIT_LITERAL_PATHSPECS": "1",
    # what git reads a file into it need not ask the system for again and again
    "MALLOC_MMAP_THRESHOLD_": str(1 << 28), "MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_TOP_PAD_": str(1 << 24),
}  # fmt: skip
CONFIG = """\
[core]
	repositoryformatversion = {version}
	bare = true
	bigFileThreshold = {largest}
	commitGraph = false
	deltaBaseCacheLimit = 256m
	fsmonitor = false
	hooksPath = /dev/null
	ignoreCase = false
	precomposeUnicode = false
	quotePath = false
	useReplaceRefs = false
[attr]
	tree = {empty}
[protocol]
	allow = never
[extensions]
{extensions}
"""
EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
OBJECT = re.compile(rb"(?<!pack-)\b([0-9a-f]{64}|[0-9a-f]{40})\b")


class Unreadable(Damaged):
    """git named objects that it could not read."""

    def __init__(self, message: str, objects: Sequence[str] = ()) -> None:
        super().__init__(message, fix="Run `git fsck` there, or read a fresh clone of it.")
        self.objects = objects


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    path: Path
    """As the caller named it."""
    folder: bytes
    """Where it keeps what all its work trees share; names the repository on this machine."""
    head: str
    """Pinned when it was opened: commits that come meanwhile are not seen."""
    scratch: Path
    """The git directory of ours."""

    def command(self, *arguments: str) -> list[str]:
        return ["git", "--no-pager", f"--git-dir={self.scratch}", *arguments]

    def start(self, *arguments: str, given: IO[bytes] | int, said: IO[bytes]) -> subprocess.Popen[bytes]:
        """git with its output in a pipe; ``said`` takes its complaints."""
        return subprocess.Popen(
            self.command(*arguments), stdin=given, stdout=subprocess.PIPE, stderr=said, env=environment()
        )

    def begin(
        self, *arguments: str, given: bytes, said: IO[bytes]
    ) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        """git at work beside us, and the file that its answer goes to."""
        told = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's
        with tempfile.TemporaryFile() as asked:
            asked.write(given)
            asked.seek(0)
            command = self.command(*arguments)
            return subprocess.Popen(command, stdin=asked, stdout=told, stderr=said, env=environment()), told

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """What git writes; ``given`` is its standard input. Raises ``Unreadable`` or ``Operational``."""
        done = subprocess.run(
            self.command(*arguments), input=given, capture_output=True, check=False, env=environment()
        )
        if done.returncode:
            raise self.failed(arguments[0], done.stderr)
        return done.stdout

    def failed(self, verb: str, said: bytes) -> MeshClawError:
        words = " ".join(said.decode("utf-8", "replace").split()) or "it ended without a word"
        objects = [found.decode() for found in OBJECT.findall(said)]
        if objects:
            return Unreadable(f"{self.path}: an object cannot be read; git {verb} said: {words}", objects)
        return Operational(f"{self.path}: git {verb} failed: {words}")

    def absent(self) -> list[str]:
        """Contents of files that the history names and that are not there."""
        listed = self.run("rev-list", "--objects", "--missing=print", self.head)
        return [line[1:].decode() for line in listed.split(b"\n") if line.startswith(b"?")]

    def attribute(self, lines: bytes) -> None:
        """Put git attributes of ours in force, the only ones that ever are."""
        (self.scratch / "info" / "attributes").write_bytes(lines)

    def tree(self, blobs: Sequence[tuple[bytes, bytes]]) -> str:
        """A folder of ours, in our git directory alone: names, in order, and ids of contents."""
        entries = b"".join(b"100644 %s\0%s" % (name, unhexlify(blob)) for name, blob in blobs)
        content = b"tree %d\0%s" % (len(entries), entries)
        name = (sha1 if len(self.head) == SHA1 else sha256)(content, usedforsecurity=False).hexdigest()
        place = self.scratch / "objects" / name[:2] / name[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(content, 0))
        return name

    def stand_in(self, blob: str) -> None:
        """Put something binary in place of contents that cannot be read, in our git directory alone."""
        content = b"\0absent " + blob.encode()
        place = self.scratch / "objects" / blob[:2] / blob[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(b"blob %d\0%s" % (len(content), content)))


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ} | ENVIRONMENT


@contextmanager
def opened(path: Path) -> Generator[Repository]:
    """The repository that ``path`` lies in.

    Raises ``UserError`` where there is no repository, no commit, or not the whole history.
    """
    folder, objects, kind = _places(path)
    if os.path.exists(os.path.join(folder, b"shallow")):  # noqa: PTH110, PTH118 - not every path is text
        raise UserError(
            f"{path}: a shallow clone, so nobody can tell when its lines were born",
            fix="Bring the rest: git fetch --unshallow",
        )
    head = _head(path)
    with tempfile.TemporaryDirectory(prefix="meshclaw-git-") as scratch:
        _make(
            Path(scratch),
            objects=objects,
            kind=kind.decode(),
            head=head,
            notes=_notes(path),
        )
        yield Repository(path=path, folder=folder, head=head, scratch=Path(scratch))


def run(path: Path, *arguments: str, given: bytes = b"") -> bytes:
    """One command on the repository that ``path`` lies in. ``HEAD`` and the notes are there, no other names."""
    with opened(path) as repository:
        return repository.run(*arguments, given=given)


def _places(path: Path) -> tuple[bytes, bytes, bytes]:
    """Common folder, folder of objects, kind of their names."""
    done = asked(
        path, "rev-parse", "--path-format=absolute", "--git-common-dir", "--git-path", "objects",
        "--show-object-format",
    )  # fmt: skip
    told = done.stdout.removesuffix(b"\n").split(b"\n")
    if done.returncode or len(told) != 3:
        said = done.stderr.decode("utf-8", "replace").strip() or "its path has a line break"
        raise UserError(
            f"{path}: not a git repository that can be read: {said}", fix="Name the folder of a repository."
        )
    return told[0], told[1], told[2]


def asked(path: Path, *question: str) -> subprocess.CompletedProcess[bytes]:
    """Asked of the repository itself: no such question reads an object or executes anything."""
    if not path.is_dir():
        raise UserError(f"{path}: no such folder", fix="Name the folder of a repository.")
    command = [
        "git",
        "--no-pager",
        "-c",
        "safe.directory=*",
        "-c",
        "core.fsmonitor=false",
        "-C",
        str(path),
        *question,
    ]
    return subprocess.run(
        command, capture_output=True, check=False, env=environment(), stdin=subprocess.DEVNULL
    )


def _head(path: Path) -> str:
    done = asked(path, "rev-parse", "--quiet", "--verify", "HEAD")
    if done.returncode:
        raise UserError(
            f"{path}: its head has no commits yet", fix="Commit something, or check out a branch that has."
        )
    return done.stdout.decode().strip()


def _notes(path: Path) -> bytes:
    """Lines of a file of packed refs."""
    return asked(path, "for-each-ref", "--format=%(objectname) %(refname)", "refs/notes").stdout


def _make(scratch: Path, *, objects: bytes, kind: str, head: str, notes: bytes) -> None:
    for folder in ("objects/info", "refs", "info"):
        (scratch / folder).mkdir(parents=True)
    other = kind != "sha1"
    (scratch / "config").write_text(
        CONFIG.format(
            version=int(other),
            largest=LARGEST,
            empty=EMPTY_TREE[kind],
            extensions=f"\tobjectFormat = {kind}" if other else "",
        )
    )
    (scratch / "HEAD").write_text(head + "\n")
    (scratch / "packed-refs").write_bytes(notes)
    (scratch / "objects" / "info" / "alternates").write_bytes(quoted(objects) + b"\n")


def quoted(path: bytes) -> bytes:
    """As git quotes a path in C's manner, so that no byte in it means anything."""
    return (
        b'"'
        + b"".join(b"\\%03o" % byte if byte < 0x20 or byte in b'"\\' else bytes((byte,)) for byte in path)
        + b'"'
    )
