"""What was read of a repository, kept in a file of ours so that the next reading begins where this one ended.

A line for people, then a checksum, then the columns, compressed. Whatever is wrong with it, it is thrown away: it can
be read again from the repository.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from array import array
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import msgspec

from meshclaw.code.history import Batches, Commits, Deaths, Files
from meshclaw.code.standing import File, Runs, Standing

HEADER = b"MeshClaw lines of code, 2\n"
DIGEST = 32


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A standing and what has to be the same for it to be of use."""

    head: str
    key: str
    """Of the rules and of what the caller asked for."""
    marks: str
    """Of what the caller said of lines of these commits."""
    absent: list[str]
    """Contents that could not be read."""
    standing: Standing


class _Written(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    head: str
    key: str
    marks: str
    absent: list[str]
    shas: bytes
    columns: list[bytes]
    digests: list[list[bytes]]
    paths: list[bytes]
    kinds: list[str]
    live: list[tuple[bytes, int, int]]
    """Path, file, number of runs."""


def save(place: Path, kept: Kept) -> None:
    """Replaces the file at once or not at all."""
    data = zlib.compress(msgspec.msgpack.encode(_written(kept)), 1)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=place.name, delete=False) as file:
        try:
            file.writelines((HEADER, sha256(data).digest(), data))
            file.flush()
            os.replace(file.name, place)  # noqa: PTH105 - Path's own does the same
        except BaseException:
            os.unlink(file.name)  # noqa: PTH108
            raise


def load(place: Path, key: str) -> Kept | None:
    """``None`` where there is none, or none of use."""
    try:
        text = place.read_bytes()
    except FileNotFoundError:
        return None
    head, data = text[: len(HEADER)], text[len(HEADER) + DIGEST :]
    if head != HEADER or text[len(HEADER) : len(HEADER) + DIGEST] != sha256(data).digest():
        return None
    written = msgspec.msgpack.decode(zlib.decompress(data), type=_Written)
    return _read(written) if written.key == key else None


def _columns(standing: Standing, runs: Runs) -> list[array[int]]:
    """In the order in which they are written, each with the type it is written in."""
    commits, batches, deaths = standing.commits, standing.batches, standing.deaths
    return [
        commits.at, commits.added, commits.died, commits.respaced, standing.files.born, batches.commit, batches.file,
        batches.lines, batches.root, batches.mark, batches.long, deaths.batch, deaths.commit, deaths.lines, runs.batch,
        runs.lines,
    ]  # fmt: skip


def _written(kept: Kept) -> _Written:
    standing, runs = kept.standing, Runs()
    live = [(path, file.file, _add(runs, file)) for path, file in standing.live.items()]
    commits = standing.commits
    return _Written(
        head=kept.head,
        key=kept.key,
        marks=kept.marks,
        absent=kept.absent,
        shas=bytes.fromhex("".join(commits.sha)),
        columns=[array(_narrow(column), column).tobytes() for column in _columns(standing, runs)],
        digests=[commits.forward, commits.backward, commits.before, commits.after],
        paths=standing.files.path,
        kinds=standing.files.kind,
        live=live,
    )


def _narrow(column: array[int]) -> str:
    return "I" if column.typecode == "L" else column.typecode


def _add(runs: Runs, file: File) -> int:
    """How many runs were added."""
    if file.owners is None and file.runs:
        runs.batch += file.runs.batch[file.start : file.stop]
        runs.lines += file.runs.lines[file.start : file.stop]
        return file.stop - file.start
    before = len(runs.batch)
    for batch, lines in groupby(file.owners or ()):
        runs.batch.append(batch)
        runs.lines.append(sum(1 for _ in lines))
    return len(runs.batch) - before


def _read(written: _Written) -> Kept:
    commits, batches, deaths, runs = Commits(), Batches(), Deaths(), Runs()
    width = len(written.head) // 2
    commits.sha = [written.shas[at : at + width].hex() for at in range(0, len(written.shas), width)]
    commits.forward, commits.backward, commits.before, commits.after = written.digests
    standing = Standing(
        commits=commits,
        files=Files(path=written.paths, kind=written.kinds),
        batches=batches,
        deaths=deaths,
    )
    for column, data in zip(_columns(standing, runs), written.columns, strict=True):
        column.extend(array(column.typecode, array(_narrow(column), data)))
    start = 0
    for path, file, size in written.live:
        standing.live[path] = File(file, None, runs, start, start + size)
        start += size
    return Kept(
        head=written.head, key=written.key, marks=written.marks, absent=written.absent, standing=standing
    )
