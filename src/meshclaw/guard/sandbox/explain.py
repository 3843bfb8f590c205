"""What this machine has to build a sandbox with, what a command in one could do, and what is missing."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence

import msgspec

from meshclaw.errors import MeshClawError
from meshclaw.guard.sandbox import cgroup, landlock, launcher, probe, seatbelt
from meshclaw.guard.sandbox.profile import Profile
from meshclaw.guard.sandbox.run import INSTALL, Found, Kind, find


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    fix: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    version: str = ""
    holds: bool
    """A sandbox can be built and no canary got out of it."""
    canaries: Mapping[str, bool] = {}
    """Each with whether it stayed inside."""
    landlock: int = 0
    """The kernel's version of it; 0: not used."""
    filter: str = ""
    """The architecture that the system call filter is for."""
    groups: Sequence[str] = ()
    """Control groups in which memory and processes of a whole sandbox are bounded."""
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    sealed: Sequence[str] = ()
    reaches: Sequence[str] = ()
    missing: Sequence[Missing] = ()


def explain(profile: Profile) -> Explained:
    """Builds a sandbox and lets the canaries loose in it; the same that happens before the first command."""
    found = find()
    told = Explained(
        kind=found.kind, holds=found.kind == "seatbelt",
        reads=[*_system(found.kind), *map(str, profile.read_only), str(profile.work)],
        writes=[str(profile.work), "a /tmp of its own, gone afterwards"],
        sealed=profile.protected,
        reaches=[f"{rule.host}:{rule.port}" for rule in profile.egress],
    )  # fmt: skip
    if found.kind != "bubblewrap":
        return msgspec.structs.replace(told, missing=_absent(found.kind))
    canaries, problem = _canaries(found, egress=bool(profile.egress))
    return msgspec.structs.replace(
        told,
        version=_version(found),
        holds=bool(canaries) and all(canaries.values()),
        canaries=canaries,
        landlock=landlock.abi() if landlock.available() else 0,
        filter=platform.machine(),
        groups=[str(path) for path in cgroup.parents()],
        missing=[*problem, *_short_of()],
    )


def _canaries(found: Found, *, egress: bool) -> tuple[Mapping[str, bool], Sequence[Missing]]:
    try:
        return probe.canaries(found.path, egress=egress), ()
    except MeshClawError as error:
        return {}, [Missing(what=error.message, fix=_NAMESPACES)]


_NAMESPACES = (
    "A sandbox needs user namespaces: sysctl user.max_user_namespaces must not be 0, and where AppArmor restricts "
    "them (kernel.apparmor_restrict_unprivileged_userns) bwrap needs a profile that allows them."
)


def _short_of() -> Sequence[Missing]:
    missing: list[Missing] = []
    if not landlock.abi():
        missing.append(
            Missing(what="the kernel has no Landlock: one wall less", fix="Linux 5.13 or newer has it.")
        )
    elif not landlock.available():
        missing.append(
            Missing(what="Landlock is not used", fix=f"It needs {launcher.PERL} (apt install perl-base).")
        )
    if not cgroup.parents():
        missing.append(
            Missing(
                what="memory is bounded for each process and not for all together",
                fix="A control group that this user may divide, as systemd-run --user --scope -p Delegate=yes gives.",
            )
        )
    return missing


def _absent(kind: Kind) -> Sequence[Missing]:
    if kind == "seatbelt":
        return [
            Missing(
                what=f"{seatbelt.SANDBOX_EXEC} is used; canaries run on Linux only", fix="docs/sandbox.md"
            )
        ]
    return [Missing(what="there is no sandbox on this machine, so no command is run", fix=INSTALL)]


def _system(kind: Kind) -> Sequence[str]:
    return ["/usr", "a few files of /etc"] if kind != "seatbelt" else seatbelt.READ


def _version(found: Found) -> str:
    told = subprocess.run([found.path, "--version"], capture_output=True, text=True, check=False, timeout=10)
    return told.stdout.strip()
