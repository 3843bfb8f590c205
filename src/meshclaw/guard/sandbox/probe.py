"""Canaries: before anything else runs in a sandbox, something of ours tries to get out of one.

Once per process and kind of sandbox. What differs from one profile to the next, its mounts, is verified at every
start (``inside.verify``).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from meshclaw.errors import Refused
from meshclaw.guard.sandbox import inside, landlock, seccomp
from meshclaw.guard.sandbox.egress.way_out import Egress
from meshclaw.guard.sandbox.process import Finished, in_bubblewrap
from meshclaw.guard.sandbox.profile import MB, Limits, Profile

_LIMITS = Limits(wall_s=20, cpu_s=20, processes=24, tmp_bytes=MB, free_bytes=0)
_PROTECTED = (".git", ".git/hooks")
_TRIED = (
    "ptrace",
    "bpf",
    "keyctl",
    "io_uring_setup",
    "perf_event_open",
    "setns",
    "open_by_handle_at",
    "userfaultfd",
)

_proved: dict[tuple[str, bool], Mapping[str, bool]] = {}


def ensure(bwrap: str, *, egress: bool) -> None:
    """Raise Refused unless every canary stayed inside, naming the ones that did not."""
    if (bwrap, egress) not in _proved:
        _proved[bwrap, egress] = canaries(bwrap, egress=egress)
    escaped = [name for name, held in _proved[bwrap, egress].items() if not held]
    if escaped:
        raise Refused(
            f"the sandbox does not hold on this machine: {', '.join(escaped)}", fix="meshclaw sandbox explain"
        )


def canaries(bwrap: str, *, egress: bool) -> Mapping[str, bool]:
    """Each canary and whether it stayed inside. Raises Refused where the sandbox cannot be built at all."""
    with tempfile.TemporaryDirectory(prefix="meshclaw-") as top:
        work, marker = Path(top, "work"), Path(top, "marker")
        Path(work, ".git", "hooks").mkdir(parents=True)
        marker.touch()
        name = f"/canary-{secrets.token_hex(8)}"
        finished = _run(bwrap, work, _given(marker, name), egress=egress)
        told = _told(finished)
        if any(os.path.lexists(folder + name) for folder in _outside(marker)):
            told["write_outside"] = False
        return told


def python() -> tuple[str, tuple[Path, ...]]:
    """The interpreter that runs this, and the folders that show it inside."""
    executable = Path(sys.executable).resolve()
    prefix = Path(sys.base_prefix).resolve()
    return str(executable), () if prefix.is_relative_to("/usr") else (prefix,)


def _run(bwrap: str, work: Path, given: Mapping[str, object], *, egress: bool) -> Finished:
    executable, shown = python()
    profile = Profile(work=work, read_only=shown, limits=_LIMITS, protected=_PROTECTED)
    script = Path(__file__).with_name("canaries.py").read_text("utf-8")
    with Egress(()) as way_out:
        given = {**given, "proxy": inside.PROXY_PORT if egress else 0}
        command = [executable, "-I", "-S", "-c", script, json.dumps(given)]
        return in_bubblewrap(bwrap, profile, command, egress=way_out if egress else None)


def _given(marker: Path, name: str) -> Mapping[str, object]:
    return {
        "marker": str(marker), "name": name, "outside": [*_outside(marker), "/dev", "/proc", "/run"],
        "landlock": landlock.available(), "processes": _LIMITS.processes, "tmp_mb": _LIMITS.tmp_bytes // MB,
        "numbers": seccomp.numbers(_TRIED),
    }  # fmt: skip


def _outside(marker: Path) -> list[str]:
    """Folders of the host, asked again from outside: what was written is seen there whatever was said inside."""
    return ["", "/usr", "/etc", str(Path.home()), str(marker.parent), *map(str, python()[1])]


def _told(finished: Finished) -> dict[str, bool]:
    try:
        return msgspec.json.decode(finished.stdout, type=dict[str, bool])
    except msgspec.DecodeError as error:
        said = finished.stderr.decode("utf-8", "replace").strip()[-300:]
        raise Refused(
            f"the canaries did not come back (exit {finished.code}): {said or 'no word'}",
            fix="meshclaw sandbox explain",
        ) from error
