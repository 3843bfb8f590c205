"""One repository read into what the report needs, and kept in the state folder until its head moves."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from meshclaw.changes import written
from meshclaw.changes.landing import Landing, landing
from meshclaw.changes.report import VERSION, Failed
from meshclaw.changes.sample import Known, Sample, packed, sample, unpacked
from meshclaw.code import commits, git, lifetimes, reverting
from meshclaw.code.attribution import attribute, records
from meshclaw.code.attribution.attribute import Attributed
from meshclaw.code.attribution.beside import Beside
from meshclaw.code.classes import classes
from meshclaw.code.commits import Graph
from meshclaw.code.git import Repository
from meshclaw.code.lifetimes import Say, silent
from meshclaw.errors import MeshClawError
from meshclaw.readers.places import Entry
from meshclaw.settings.home import home

FORMAT = "1"
"""Of what is kept, and of how it is made; another one reads every repository anew."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    every: bool = False
    """Count the excluded classes of files as well."""
    since: int | None = None
    """Unix seconds."""
    processes: int = 1
    """For this one repository."""
    fresh: bool = False
    """Read it though it was read before."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    """Digest of all that it was made of."""
    folder: str
    """That all work trees share."""
    sample: bytes
    landing: Landing

    def unpacked(self) -> Sample:
        return unpacked(self.sample)


def read(path: Path, options: Options, say: Say = silent) -> Kept:
    """Raises ``MeshClawError`` for what cannot be read. ``say`` as in ``lifetimes.read``."""
    with git.opened(path) as repository:
        if not options.every:  # what is not counted is not compared either
            repository.attribute(classes().attributes.encode())
        here = transcripts(repository)
        key, place = _key(repository, options, here), _place(repository, options)
        found = None if options.fresh else _kept(place)
        if found is None or found.key != key:
            found = _read(repository, key, options, here, say)
            _keep(place, found)
    return found


def read_or_fail(path: Path, options: Options) -> bytes | Failed:
    """For another process: ``Kept``, encoded."""
    try:
        return encoded(read(path, options))
    except MeshClawError as error:
        return Failed(path=str(path), why=error.message, fix=error.fix)


def encoded(kept: Kept) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(kept), 1)


def decoded(stored: bytes) -> Kept:
    return msgspec.msgpack.decode(zlib.decompress(stored), type=Kept)


# -- reading -----------------------------------------------------------------------------


def _read(repository: Repository, key: str, options: Options, here: Sequence[Entry], say: Say) -> Kept:
    graph, beside, who = attributed(repository, here)
    keep = None if options.fresh else home() / "code" / "lines"
    history = lifetimes.read(
        repository.path, every=options.every, marks=beside.lines, keep=keep, processes=options.processes, say=say,
    ).history  # fmt: skip
    reverted = reverting.taken_back(reverting.reverts(graph, history.commits), graph.line)
    known = Known(
        attributions=who.by_commit, marks=beside.marks, reverted=reverted,
        fixed={pair.of for pair in reverting.fixes(graph, history)}, cycles=commits.cycles(graph), mixed=who.mixed,
        undecided=who.undecided,
    )  # fmt: skip
    history.caveats += beside.caveats
    found = sample(
        history,
        known,
        name=name_of(repository),
        since=options.since,
        every=options.every,
        now=int(time.time()),
    )
    return Kept(
        key=key, folder=os.fsdecode(repository.folder), sample=packed(found),
        landing=landing(history, graph, who.by_commit, reverted),
    )  # fmt: skip


def attributed(repository: Repository, here: Sequence[Entry]) -> tuple[Graph, Beside, Attributed]:
    """Who made each commit; ``here``: transcripts of sessions on this machine that worked in it."""
    graph = commits.read(repository)
    beside = records.read(repository, graph)
    for sha, pieces in written.evidence(repository, graph, here).items():
        beside.evidence.setdefault(sha, []).extend(pieces)
    return graph, beside, attribute.of(graph, beside.evidence, lambda shas: commits.added(repository, shas))


def transcripts(repository: Repository) -> list[Entry]:
    return written.transcripts(repository.folder, Path.home(), os.environ)


def name_of(repository: Repository) -> str:
    """Of the folder that holds it, as people know it."""
    folder = Path(os.fsdecode(repository.folder))
    return folder.parent.name if folder.name == ".git" else folder.name.removesuffix(".git")


# -- keeping -----------------------------------------------------------------------------


def _key(repository: Repository, options: Options, here: Sequence[Entry]) -> str:
    notes = repository.run("for-each-ref", "--format=%(objectname) %(refname)", "refs/notes")
    said = (
        FORMAT, VERSION, classes().version, repository.head, str(options.since), str(options.every),
        written.state(here),
    )  # fmt: skip
    return sha256(b"\0".join([*(part.encode() for part in said), notes])).hexdigest()


def _place(repository: Repository, options: Options) -> Path:
    said = f"{options.since} {options.every}".encode()
    return home() / "code" / "samples" / sha256(repository.folder + b"\0" + said).hexdigest()[:32]


def _kept(place: Path) -> Kept | None:
    """What cannot be read is as if it were not there: it is read again."""
    try:
        return decoded(place.read_bytes())
    except (OSError, zlib.error, msgspec.DecodeError):
        return None


def _keep(place: Path, kept: Kept) -> None:
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = place.with_name(f"{place.name}.{os.getpid()}")
    half.write_bytes(encoded(kept))
    half.replace(place)
