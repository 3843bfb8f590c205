"""Records of agent-trace 0.1: JSON that says which lines of a revision a conversation with a tool produced.

The proposal leaves open where records are kept. Here they are read from a file or folder that the caller names, and
from ``.agent-trace/`` at the head. It also leaves open what becomes of them in a rebase: a record of a commit that is
not in this history says nothing. Its own example of a hook writes down the commit *before* the change, so a record
counts only for files that its commit changed, and then as strong, not certain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from meshclaw.code.attribution.beside import LONGEST_LINE, Beside, is_inside, mark_of, name
from meshclaw.code.attribution.rules import Rules
from meshclaw.code.git import Repository
from meshclaw.flow.attribution import Attribution

FOLDER = ".agent-trace/"
RULE = "agent-trace"
LARGEST = 64 << 20
"""Bytes of a file."""
ENDINGS = (".json", ".jsonl", ".ndjson")
MOST_TOLD = 5

Touched = Callable[[Sequence[str]], Mapping[str, Collection[bytes]]]


class Contributor(msgspec.Struct, frozen=True):
    type: Literal["human", "ai", "mixed", "unknown"]
    model_id: str = ""


class Lines(msgspec.Struct, frozen=True):
    start_line: int
    end_line: int
    contributor: Contributor | None = None


class Conversation(msgspec.Struct, frozen=True):
    ranges: list[Lines]
    url: str = ""
    contributor: Contributor | None = None


class File(msgspec.Struct, frozen=True):
    path: str
    conversations: list[Conversation]


class Vcs(msgspec.Struct, frozen=True):
    type: str
    revision: str


class Tool(msgspec.Struct, frozen=True):
    name: str = ""


class Record(msgspec.Struct, frozen=True):
    version: str
    files: list[File]
    vcs: Vcs | None = None
    tool: Tool | None = None


def at_head(repository: Repository) -> Iterator[tuple[str, bytes]]:
    """Name and content of the records' files that the head holds."""
    told = repository.run("ls-tree", "-r", "-l", "-z", "--full-tree", repository.head, FOLDER)
    for entry in told.split(b"\0"):
        kind, _, path = entry.partition(b"\t")
        _, what, blob, size = (kind.split() + [b""] * 4)[:4]
        said = path.decode("utf-8", "replace")
        if what == b"blob" and size.isdigit() and said.endswith(ENDINGS) and int(size) <= LARGEST:
            yield said, repository.run("cat-file", "blob", blob.decode("ascii"))


def on_disk(place: Path) -> Iterator[tuple[str, bytes]]:
    """The same of a file or folder; ``OSError`` where it cannot be read."""
    paths = sorted(place.rglob("*")) if place.is_dir() else [place]
    for path in paths:
        if (
            path.name.endswith(ENDINGS)
            and path.is_file()
            and not path.is_symlink()
            and path.stat().st_size <= LARGEST
        ):
            yield str(path), path.read_bytes()


def take(
    files: Iterable[tuple[str, bytes]], known: Collection[str], touched: Touched, beside: Beside, rules: Rules
) -> None:
    """Add what these files say of ``known`` commits; what cannot be read is a caveat."""
    odd: list[str] = []
    by_commit: dict[str, list[Record]] = {}
    strangers = 0
    for said, content in files:
        for record in _records(said, content, odd):
            if record.vcs and record.vcs.type == "git" and record.vcs.revision in known:
                by_commit.setdefault(record.vcs.revision, []).append(record)
            else:
                strangers += 1
    changed = touched(list(by_commit))
    for sha, records in by_commit.items():
        strangers += sum(_take(sha, record, changed.get(sha, ()), beside, rules) for record in records)
    if strangers:
        odd.append(f"{strangers} that name no commit of this history that changed their file")
    if odd:
        beside.caveats.append(f"Records of agent-trace that were left out: {'; '.join(odd[:MOST_TOLD])}.")


def _records(said: str, content: bytes, odd: list[str]) -> Iterator[Record]:
    """One JSON object, or one on each line."""
    lines = content.splitlines() if said.endswith((".jsonl", ".ndjson")) else [content]
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=Record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            odd.append(f"{name(said)}:{number} cannot be read")


def _take(sha: str, record: Record, changed: Collection[bytes], beside: Beside, rules: Rules) -> int:
    """How many of its files were left out."""
    tool = rules.tool_of(record.tool.name) if record.tool else ""
    marks: list[Attribution] = []
    left_out = 0
    for file in record.files:
        path = file.path.encode("utf-8", "surrogatepass")
        if not is_inside(path) or path not in changed:
            left_out += 1
            continue
        for conversation in file.conversations:
            for lines in conversation.ranges:
                who = lines.contributor or conversation.contributor
                if (
                    who is None
                    or who.type == "unknown"
                    or not 0 < lines.start_line <= lines.end_line <= LONGEST_LINE
                ):
                    continue
                mark = _mark(who, tool, conversation.url)
                if beside.say(sha, path, [(lines.start_line, lines.end_line)], mark):
                    marks.append(mark)
    if marks:
        beside.witness(sha, marks)
    return left_out


def _mark(who: Contributor, tool: str, url: str) -> Attribution:
    if who.type == "human":
        return mark_of("trace", RULE, "strong", "human")
    return mark_of(
        "trace", RULE, "strong", "ai" if who.type == "ai" else "unknown", tool=tool or "other-agent",
        model=name(who.model_id), session=name(url.rstrip("/").rpartition("/")[2]),
    )  # fmt: skip
