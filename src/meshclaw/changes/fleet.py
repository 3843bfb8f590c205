"""One repository of a fleet, from its address to a row: a task that any number of machines can be given at once.

What was cloned, read and told stays in the folder of the work, so that a job that was stopped goes on where it was, and
one that runs again reads what is new. ``examples/fleet/job.py`` gives the tasks to Spark.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

import msgspec

from meshclaw.changes.programs import shape
from meshclaw.changes.reading import Options, read
from meshclaw.changes.reporting import report
from meshclaw.code.cloning import brought
from meshclaw.errors import MeshClawError

SIGN_IN = re.compile(r"^(\w+://)[^/]*@")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    """Without the name and password that it may hold."""
    head: str = ""
    report: dict[str, object] = {}
    """As ``meshclaw code report --json`` has it; empty where it could not be read."""
    error: str = ""
    fix: str = ""


def row(url: str, work: Path, *, day: str = "", options: Options | None = None) -> Row:
    """Raises nothing that a repository can cause: what is wrong with it is said in its row.

    With a ``day``, any word that names this run of the job, a row of the same day is not made again unless it is one
    of an error.
    """
    name = sha256(url.encode()).hexdigest()[:32]
    told = work / "rows" / day / f"{name}.json" if day else None
    if told and told.exists():
        found = msgspec.json.decode(told.read_bytes(), type=Row)
        if not found.error:
            return found
    found = _row(url, work / "clones" / name / f"{_name_of(url)}.git", options or Options())
    if told:
        _keep(told, found)
    return found


def _row(url: str, place: Path, options: Options) -> Row:
    bare = without_sign_in(url)
    try:
        one = report([read(brought(url, place), options).unpacked()])
    except MeshClawError as error:
        said = error.message.replace(url, bare).replace(str(place), bare)
        return Row(url=bare, error=said, fix=error.fix or "")
    said = msgspec.to_builtins(shape(one))
    return Row(url=bare, head=one.together.heads[0], report=said)


def without_sign_in(url: str) -> str:
    return SIGN_IN.sub(r"\1", url)


def _name_of(url: str) -> str:
    """As people know it; the report is called so."""
    last = url.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return re.sub(r"[^\w.-]", "_", last).strip(".")[:100] or "repository"


def _keep(place: Path, row: Row) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_name(f"{place.name}.{os.getpid()}")
    half.write_bytes(msgspec.json.encode(row))
    half.replace(place)
