"""git-ai's notes (its standard 3.0.0): who wrote which lines of a commit, in ``refs/notes/ai``.

A note has two parts with a line ``---`` between them. Above stand paths and, under each, two spaces, a key and ranges
of lines as the commit left them; below a JSON object says who the keys are: ``prompts`` and ``sessions`` are talks with
a tool (a key ``s_…::t_…`` names a session and a part of it), ``humans`` are people. Lines without a key are not
said to be anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from meshclaw.code.attribution.beside import LONGEST_LINE, Beside, is_inside, mark_of, name
from meshclaw.code.attribution.rules import Rules
from meshclaw.code.git import Repository
from meshclaw.flow.attribution import Attribution

REF = "refs/notes/ai"
RULE = "git-ai"
LARGEST = 4 << 20
"""Bytes of a note; those that carry whole conversations reach hundreds of kilobytes."""
AT_ONCE = 16 << 20
MOST_TOLD = 5
RANGE = re.compile(r"(\d{1,8})(?:-(\d{1,8}))?")


class Agent(msgspec.Struct, frozen=True):
    tool: str = ""
    id: str = ""
    model: str = ""


class Talk(msgspec.Struct, frozen=True):
    agent_id: Agent = Agent()


class Metadata(msgspec.Struct, frozen=True):
    schema_version: str
    prompts: dict[str, Talk] = {}
    sessions: dict[str, Talk] = {}
    humans: dict[str, Any] = {}


Note = tuple[str, str]
"""Commit and blob."""


class Odd(Exception):
    """This note is not what the standard says; its words say why."""


def read(repository: Repository, known: Collection[str], beside: Beside, rules: Rules) -> None:
    """Add what the notes on ``known`` commits say; what cannot be read is a caveat."""
    if not repository.run("for-each-ref", "--format=%(refname)", REF).strip():
        return
    listed = repository.run("ls-tree", "-r", "-z", "--full-tree", REF)
    found: list[Note] = []
    elsewhere = 0
    for entry in listed.split(b"\0"):
        kind, _, path = entry.partition(b"\t")
        sha = path.replace(b"/", b"").decode("ascii", "replace")
        if kind.split()[1:2] != [b"blob"]:
            continue
        if sha in known:
            found.append((sha, kind.split()[2].decode("ascii")))
        else:
            elsewhere += 1
    if elsewhere:
        beside.caveats.append(
            f"{elsewhere} notes of git-ai are on commits that are not in this history: squashes and rebases leave them "
            "behind, and the lines they tell of count as their commits do."
        )
    odd: list[str] = []
    for sha, note in _contents(repository, found, odd):
        try:
            _take(sha, note, beside, rules)
        except Odd as error:
            odd.append(f"{sha[:12]}: {error}")
    if odd:
        more = f" and {len(odd) - MOST_TOLD} more" if len(odd) > MOST_TOLD else ""
        beside.caveats.append(f"Notes of git-ai that were left out: {'; '.join(odd[:MOST_TOLD])}{more}.")


def _contents(repository: Repository, noted: Sequence[Note], odd: list[str]) -> Iterator[tuple[str, bytes]]:
    """Commit and note, for each that is no larger than it may be."""
    for group in _groups(repository, noted, odd):
        told = repository.run("cat-file", "--batch", given="".join(f"{blob}\n" for _, blob in group).encode())
        at = 0
        for sha, _ in group:
            end = told.index(b"\n", at)
            size = int(told[at:end].rsplit(b" ", 1)[1])
            yield sha, told[end + 1 : end + 1 + size]
            at = end + size + 2


def _groups(repository: Repository, noted: Sequence[Note], odd: list[str]) -> Iterator[list[Note]]:
    asked = "".join(f"{blob}\n" for _, blob in noted).encode()
    told = repository.run("cat-file", "--batch-check", given=asked).decode("ascii", "replace").splitlines()
    group: list[Note] = []
    total = 0
    for (sha, blob), line in zip(noted, told, strict=True):
        size = int(line.rpartition(" ")[2]) if " blob " in line else None
        if size is None or size > LARGEST:
            odd.append(f"{sha[:12]}: {'not there' if size is None else f'larger than {LARGEST} bytes'}")
            continue
        if total + size > AT_ONCE:
            yield group
            group, total = [], 0
        group.append((sha, blob))
        total += size
    if group:
        yield group


def _take(sha: str, note: bytes, beside: Beside, rules: Rules) -> None:
    above, bar, below = (b"\n" + note).partition(b"\n---\n")
    if not bar:
        raise Odd("no line --- in it")
    try:
        metadata = msgspec.json.decode(below, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Odd("its JSON cannot be read") from error
    if not metadata.schema_version.startswith("authorship/"):
        raise Odd(f"its version is {name(metadata.schema_version)!r}")
    said: list[tuple[bytes, list[tuple[int, int]], Attribution]] = []
    path = b""
    for line in above.split(b"\n"):
        if line.startswith(b"  "):
            key, _, ranges = line[2:].decode("ascii", "replace").partition(" ")
            said.append((path, _ranges(ranges), _mark(key, metadata, rules)))
        elif line:
            path = line[1:-1] if len(line) > 1 and line[:1] == line[-1:] == b'"' else line
            if not is_inside(path):
                raise Odd("a path in it leads out of the repository")
    for path, ranges, mark in said:
        if not path or not beside.say(sha, path, ranges, mark):
            raise Odd("a range in it has no path" if not path else "there are too many ranges")
    beside.witness(sha, [mark for _, _, mark in said])


def _ranges(said: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for part in said.split(","):
        fits = RANGE.fullmatch(part)
        first, last = (int(fits[1]), int(fits[2] or fits[1])) if fits else (0, 0)
        if not 0 < first <= last <= LONGEST_LINE:
            raise Odd(f"{name(part)!r} is no range of lines")
        found.append((first, last))
    return found


def _mark(key: str, metadata: Metadata, rules: Rules) -> Attribution:
    if key.startswith("h_"):
        return mark_of("note", RULE, "certain", "human")
    session, _, _ = key.partition("::")
    talk = metadata.sessions.get(session) or metadata.prompts.get(key)
    if talk is None:
        raise Odd(f"nothing says who {name(key)!r} is")
    agent = talk.agent_id
    return mark_of(
        "note", RULE, "certain", "ai",
        tool=rules.tool_of(agent.tool), model=name(agent.model), session=name(agent.id),
    )  # fmt: skip
