"""Where coding agents work, and how what they made comes onto a branch, signed with its run.

The folder is a repository of its own with what is committed in the person's, and nobody obeys what an agent wrote into
it: git runs on its objects alone (``code.git``). Commits are written anew by us, with an author of ours and the
trailers that say where they come from.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import msgspec

from meshclaw.code import git
from meshclaw.connectors.coding.connector import Landed
from meshclaw.errors import NotFound, Operational, Refused, UserError
from meshclaw.guard.sandbox.profile import PROTECTED

MOST_COMMITS = 500
MOST_PACKED = 256 << 20
"""Bytes."""
EMAIL = "coding@meshclaw.invalid"
BRANCHES = "meshclaw/"
_GONE = "refs/meshclaw/discarded/"
_TASK = re.compile(r"[0-9a-f]{32}")
_BRANCH = re.compile(r"meshclaw/[0-9a-f]{12}")
_NOT_THEIRS = re.compile(
    rb"(?im)^\s*(?:meshclaw-[a-z-]+|signed-off-by|reviewed-by|acked-by|approved-by|tested-by)\s*:.*\n?"
)
"""Lines that an agent may not write: where it comes from is ours to say, and nobody has looked at it."""
_TOLD_FILES = 5
_SET_ASIDE = "*.set-aside-????????\n"
"""What the sandbox renamed, because it was planted where it would steer others."""
_STEPS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0")


class _Begun(msgspec.Struct, frozen=True, kw_only=True):
    repository: str
    base: str


class Grounds:
    """``folder``: of the state; each task has a folder below it for as long as it lasts."""

    def __init__(self, folder: Path, intent: str) -> None:
        self._folder = folder / "work"
        self._intent = intent

    def begin(self, task: str, repository: str) -> str:
        source = _repository(repository)
        place = self._place(task)
        shutil.rmtree(place, ignore_errors=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with git.opened(source) as opened:
            base = opened.head
        note = self._note(task)
        note.write_bytes(msgspec.json.encode(_Begun(repository=str(source), base=base)))
        try:
            _git(
                None, "-c", "protocol.file.allow=always", "clone", "--quiet", "--no-local", "--no-hardlinks",
                "--single-branch", "--no-tags", "--template=", "--", str(source), str(place),
            )  # fmt: skip
            (place / ".git" / "hooks").mkdir(exist_ok=True)
            for key, value in (
                ("user.name", "Coding agent"),
                ("user.email", EMAIL),
                ("commit.gpgSign", "false"),
            ):
                _git(place, "config", key, value)
            _git(place, "remote", "remove", "origin")
        except Operational:
            self.clear(task)
            raise
        return str(place)

    def land(self, task: str, repository: str, run: str, agent: str) -> Landed:
        source, place = _repository(repository), self._place(task)
        begun = msgspec.json.decode(self._note(task).read_bytes(), type=_Begun)
        if (place / ".git" / "objects" / "info" / "alternates").exists():
            raise Refused("the coding agent borrowed objects from elsewhere, so nothing landed")
        with git.opened(place) as made:
            tip = _whole(made, place)
            new = _commits(made, begun.base, tip)
            if not new:
                return Landed()
            _refuse_protected(made, new)
            counts = _counts(made, begun.base, tip)
            signed = _signed(made, begun.base, new, _Sign(run=run, intent=self._intent, agent=agent))
            pack = made.run(
                "pack-objects", "--revs", "--stdout", "-q", given=f"{signed}\n^{begun.base}\n".encode()
            )
        if len(pack) > MOST_PACKED:
            raise Refused(f"what the coding agent made is {len(pack):,} bytes, more than may land")
        _git(source, "index-pack", "--stdin", "--fix-thin", "--fsck-objects", given=pack)
        branch = f"{BRANCHES}{task[:12]}"
        _git(
            source,
            "update-ref",
            "-m",
            f"meshclaw: run {run}",
            f"refs/heads/{branch}",
            signed,
            "0" * len(signed),
        )
        return msgspec.structs.replace(counts, branch=branch, commits=len(new))

    def clear(self, task: str) -> None:
        shutil.rmtree(self._place(task), ignore_errors=True)
        self._note(task).unlink(missing_ok=True)

    def has_begun(self, task: str) -> bool:
        return self._note(task).exists()

    def left(self) -> dict[str, str]:
        """Tasks that were cut off, with their repositories."""
        notes = sorted(self._folder.glob("*.json"))
        return {one.stem: msgspec.json.decode(one.read_bytes(), type=_Begun).repository for one in notes}

    def branch_of(self, task: str, repository: str) -> str:
        branch = f"{BRANCHES}{task[:12]}"
        return branch if self.is_there(repository, branch) else ""

    def is_there(self, repository: str, branch: str) -> bool:
        return bool(_commit(_repository(repository), f"refs/heads/{_checked(branch)}"))

    def discard(self, repository: str, branch: str) -> None:
        """Kept aside under a name of ours, so that it can be brought back. A branch that is checked out stays."""
        source, name = _repository(repository), _checked(branch)
        commit = _commit(source, f"refs/heads/{name}")
        if not commit:
            raise NotFound(f"there is no branch {branch!r} any more")
        if f"branch refs/heads/{name}\n" in _git(source, "worktree", "list", "--porcelain").decode(
            "utf-8", "replace"
        ):
            raise Refused(f"the branch {branch!r} is checked out", fix="Check out another one first.")
        _git(source, "update-ref", f"{_GONE}{name}", commit)
        _git(source, "update-ref", "-d", f"refs/heads/{name}", commit)

    def restore(self, repository: str, branch: str) -> None:
        source, name = _repository(repository), _checked(branch)
        commit = _commit(source, f"{_GONE}{name}")
        if not commit:
            raise NotFound(f"the branch {branch!r} was not set aside")
        _git(source, "update-ref", f"refs/heads/{name}", commit, "0" * len(commit))
        _git(source, "update-ref", "-d", f"{_GONE}{name}", commit)

    def _place(self, task: str) -> Path:
        if not _TASK.fullmatch(task):
            raise UserError(f"{task!r} is no task")
        return self._folder / task

    def _note(self, task: str) -> Path:
        return self._place(task).with_suffix(".json")


# -- what an agent made ---------------------------------------------------------------------------


def _whole(made: git.Repository, place: Path) -> str:
    """Its newest commit, with what it left uncommitted in one more."""
    tree = ("--work-tree", str(place))
    (made.scratch / "info" / "exclude").write_text(_SET_ASIDE)
    made.run("read-tree", made.head)
    made.run(*tree, "add", "--all", "--", ".")
    written = made.run("write-tree").decode().strip()
    if written == made.run("rev-parse", f"{made.head}^{{tree}}").decode().strip():
        return made.head
    commit = _Commit(
        tree=written, parents=[made.head], message=b"Changes that were left uncommitted\n", when=_now()
    )
    return _write(made, commit)


def _commits(made: git.Repository, base: str, tip: str) -> list[str]:
    """Oldest first."""
    if made.run("rev-list", "--count", base, f"^{tip}").strip() != b"0":
        raise Refused("the coding agent wrote the history before it anew, so nothing landed")
    found = made.run(
        "rev-list", "--reverse", "--topo-order", f"--max-count={MOST_COMMITS + 1}", tip, f"^{base}"
    )
    commits = found.decode().split()
    if len(commits) > MOST_COMMITS:
        raise Refused(f"the coding agent made more than {MOST_COMMITS} commits")
    return commits


def _refuse_protected(made: git.Repository, commits: list[str]) -> None:
    """In any of the commits: what one adds and the next takes away can be checked out in between."""
    words = ("--stdin", "-r", "-m", "-z", "--name-only", "--no-renames", "--no-commit-id")
    listed = made.run("diff-tree", *words, given="".join(f"{one}\n" for one in commits).encode())
    paths = [path.decode("utf-8", "replace") for path in listed.split(b"\0") if path]
    sealed = [path for path in paths if any(path == one or path.startswith(f"{one}/") for one in PROTECTED)]
    if sealed:
        shown = ", ".join(map(ascii, sealed[:_TOLD_FILES]))
        raise Refused(
            f"the coding agent changed what steers others when they work there ({shown}), so nothing landed"
        )


def _counts(made: git.Repository, base: str, tip: str) -> Landed:
    lines = (
        made.run("diff-tree", "-r", "--numstat", "--no-renames", base, tip)
        .decode("utf-8", "replace")
        .splitlines()
    )
    numbers = [line.split("\t", 2)[:2] for line in lines]
    added, removed = (sum(int(one[at]) for one in numbers if one[at].isdigit()) for at in (0, 1))
    return Landed(files=len(lines), added=added, removed=removed)


class _Sign(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    intent: str
    agent: str


class _Commit(msgspec.Struct, frozen=True, kw_only=True):
    tree: str
    parents: list[str]
    message: bytes
    when: bytes
    """Seconds and zone, as git writes them."""
    author: str = "Coding agent"


def _signed(made: git.Repository, base: str, commits: list[str], sign: _Sign) -> str:
    """The same trees under new commits: an author of ours, and the trailers behind what they say."""
    written = {base: base}
    for commit in commits:
        raw = made.run("cat-file", "commit", commit)
        head, _, message = raw.partition(b"\n\n")
        fields = [line.split(b" ", 1) for line in head.split(b"\n")]
        tree = next(value.decode() for name, value in fields if name == b"tree")
        parents = [value.decode() for name, value in fields if name == b"parent"]
        known = [written.get(parent, parent) for parent in parents]
        new = _Commit(
            tree=tree, parents=known, message=_message(message, sign), when=_when(fields), author=sign.agent
        )
        written[commit] = _write(made, new)
    return written[commits[-1]]


def _message(message: bytes, sign: _Sign) -> bytes:
    body = _NOT_THEIRS.sub(b"", message).strip() or b"Changes by a coding agent"
    trailers = f"Meshclaw-Run: {sign.run}\nMeshclaw-Intent: {sign.intent}\n"
    return body + b"\n\n" + trailers.encode()


def _when(fields: list[list[bytes]]) -> bytes:
    """As the commit says where that is a time; else now."""
    said = next((value for name, value in fields if name == b"author"), b"")
    found = re.search(rb"> (\d{1,11} [+-]\d{4})\Z", said)
    return found[1] if found else _now()


def _write(made: git.Repository, commit: _Commit) -> str:
    who = f"{commit.author} <{EMAIL}>".encode()
    lines = [b"tree " + commit.tree.encode(), *(b"parent " + one.encode() for one in commit.parents)]
    lines += [b"author " + who + b" " + commit.when, b"committer " + who + b" " + _now()]
    content = b"\n".join(lines) + b"\n\n" + commit.message
    return made.run("hash-object", "-t", "commit", "-w", "--stdin", given=content).decode().strip()


def _now() -> bytes:
    return f"{int(time.time())} +0000".encode()


# -- git on the person's own ------------------------------------------------------------------------


def _repository(path: str) -> Path:
    """The repository that a person named, by its whole path."""
    place = Path(path).expanduser()
    if not place.is_absolute() or not place.is_dir():
        raise UserError(f"{path!r} is no folder", fix="Name the repository by its whole path.")
    return place.resolve()


def _checked(branch: str) -> str:
    if not _BRANCH.fullmatch(branch):
        raise UserError(f"{branch!r} is no branch of a coding agent")
    return branch


def _commit(source: Path, ref: str) -> str:
    return git.asked(source, "rev-parse", "--quiet", "--verify", ref).stdout.decode().strip()


def _git(place: Path | None, *arguments: str, given: bytes = b"") -> bytes:
    """In a repository that nobody but the person and we wrote to."""
    where = ("-C", str(place)) if place else ()
    done = subprocess.run(
        ["git", "--no-pager", *_STEPS, *where, *arguments],
        input=given, capture_output=True, check=False, env=git.environment() | {"HOME": os.devnull},
    )  # fmt: skip
    if done.returncode:
        words = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
        raise Operational(f"git {arguments[0]} failed: {words or 'it said nothing'}")
    return done.stdout
