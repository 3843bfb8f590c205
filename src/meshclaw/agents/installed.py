"""The agents that a person took in: their files by digest in the state folder, their standing as facts in the ledger.

The ledger says which digest counts for a name; the files are held against it each time they are read. Nothing that an
agent can reach writes either of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex
from typing import Literal

import msgspec

from meshclaw.agents import package
from meshclaw.agents.package import Package
from meshclaw.agents.source import folder as folders
from meshclaw.agents.source.files import Files, digest, manifest
from meshclaw.errors import Damaged, NotFound, UserError
from meshclaw.flow.event.agent import AgentInstalled, AgentPurged, AgentRemoved
from meshclaw.flow.units import canonical, sha256_hex

FACTS = (AgentInstalled, AgentRemoved, AgentPurged)
Standing = Literal["installed", "removed", "purged"]


class Known(msgspec.Struct, kw_only=True):
    """One name, as the ledger tells it."""

    label: str
    """Of the version that counts."""
    digest: str
    standing: Standing
    since: str
    """RFC 3339."""
    versions: dict[str, str]
    """Digests by label: all that were ever installed and not purged."""

    @property
    def name(self) -> str:
        return self.label.partition("@")[0]

    @property
    def version(self) -> str:
        return self.label.partition("@")[2].partition("+")[0]


def known(facts: Iterable[AgentInstalled | AgentRemoved | AgentPurged]) -> dict[str, Known]:
    """By name."""
    found: dict[str, Known] = {}
    for fact in facts:
        name = fact.agent.partition("@")[0]
        if isinstance(fact, AgentInstalled):
            versions = found[name].versions if name in found else {}
            found[name] = Known(
                label=fact.agent, digest=fact.digest, standing="installed", since=fact.ts,
                versions={**versions, fact.agent: fact.digest},
            )  # fmt: skip
        else:
            is_purged = isinstance(fact, AgentPurged)
            found[name].standing, found[name].since = ("purged" if is_purged else "removed"), fact.ts
            found[name].versions = {} if is_purged else found[name].versions
    return found


class Installed:
    """``folder`` is the state folder; the agents lie in its ``agents``."""

    def __init__(self, folder: Path, facts: Iterable[AgentInstalled | AgentRemoved | AgentPurged]) -> None:
        self._folder = folder / "agents"
        self.known = known(facts)

    def current(self) -> list[Known]:
        return [one for one in self.known.values() if one.standing == "installed"]

    def get(self, name: str) -> Package:
        """The one that counts now. NotFound where none is installed under that name, Damaged where it was changed."""
        one = self.known.get(name)
        if one is None or one.standing != "installed":
            there = ", ".join(sorted(one.name for one in self.current())) or "none"
            back = (
                f"meshclaw agent remove {name} --undo takes it back."
                if one and one.standing == "removed"
                else ""
            )
            raise NotFound(f"no agent {name!r} is installed; installed: {there}", fix=back)
        return self.load(one.digest, one.label)

    def labelled(self, label: str) -> Package:
        """The very version that a run began with, even if another one has taken its place since."""
        name = label.partition("@")[0]
        one = self.known.get(name)
        if one is None or label not in one.versions:
            raise UserError(
                f"the agent {label!r} of this run is not installed",
                fix="Install it and try again: meshclaw agent install",
            )
        if one.standing != "installed":
            raise UserError(
                f"the agent {label!r} of this run was removed",
                fix=f"Take it back: meshclaw agent remove {name} --undo",
            )
        return self.load(one.versions[label], label)

    def load(self, pinned: str, label: str) -> Package:
        """Raises Damaged, naming the files, where anything is not as it was when a person took it in."""
        place = self._folder / pinned
        try:
            told = place.with_suffix(".json").read_bytes()
            files = folders.read(place, leaving="")
        except (OSError, UserError) as error:
            raise _damaged(label, [str(error)]) from error
        if sha256_hex(told) != pinned:
            raise _damaged(label, ["the list of its files"])
        if digest(files) != pinned:
            were = dict(msgspec.json.decode(told, type=list[tuple[str, str]]))
            are = dict(manifest(files))
            raise _damaged(
                label, sorted(path for path in were.keys() | are.keys() if were.get(path) != are.get(path))
            )
        return package.open_(files)

    def put(self, files: Files) -> str:
        """Its digest; all of it is there when this returns."""
        pinned = digest(files)
        place, part = self._folder / pinned, self._folder / f".part-{token_hex(8)}"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        try:
            for path, content in files.items():
                _write(part / path, content)
            _write(place.with_suffix(".json"), canonical(manifest(files)))
            shutil.rmtree(place, ignore_errors=True)  # a damaged copy of the same makes way
            part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return pinned

    def purge(self, name: str) -> int:
        """Deletes every version's files; returns how many there were."""
        digests = set(self.known[name].versions.values())
        for pinned in digests:
            shutil.rmtree(self._folder / pinned, ignore_errors=True)
            (self._folder / f"{pinned}.json").unlink(missing_ok=True)
        return len(digests)


def _write(path: Path, content: bytes) -> None:
    """Read-only, for the person alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:  # noqa: PTH123
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _damaged(label: str, what: list[str]) -> Damaged:
    return Damaged(
        f"the installed agent {label!r} is not what you took in, so it does nothing ({', '.join(what[:5])})",
        fix="Install it again from where it came, and read what it asks: meshclaw agent install SOURCE",
    )
