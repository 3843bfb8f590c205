"""What the company's hub laid down, kept on the claw: believed by its signature, never exchanged for an older one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged, NotFound
from meshclaw.flow.limits import Limits, RunWindow
from meshclaw.flow.mesh import Applied, Policy
from meshclaw.flow.signature import from_hex, signed_by
from meshclaw.flow.units import digest_of
from meshclaw.guard.layers import stop
from meshclaw.guard.limits import tightest
from meshclaw.settings import mesh as settings

FILE = "mesh-policy.json"
EVERYTHING = "permit (principal, action, resource);"
EXPIRED = """
@id("expired-policy-of-the-hub")
@reason("your company's policy has run out and its hub gave no newer one, so nothing leaves this machine")
forbid (principal, action, resource)
when {
  resource.external ||
  action in [Action::"effect.send", Action::"effect.deploy", Action::"effect.spend", Action::"effect.admin"]
};
"""
MAX_PROBLEM = 500


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    policy: Policy | None = None
    """In force: the newest one that this claw understands."""
    newest: Policy | None = None
    """The newest one there was; its stop counts, whatever else it says."""
    problem: str = ""
    """Why ``newest`` is not in force."""
    told: int = 0
    """Version that the hub was told to be in force here, or not."""

    @property
    def version(self) -> int:
        return self.newest.version if self.newest else 0


class LaidDown(msgspec.Struct, frozen=True, kw_only=True):
    """One more layer for the guard: it only ever narrows."""

    cedar: str
    """Empty: it has no say."""
    limits: Limits
    expired: bool
    goes_on: bool = False
    """Without a lease, where the hub does not answer."""


def in_force(folder: Path, now: datetime) -> LaidDown | None:
    """None where no hub laid anything down. Damaged where it is not as the hub signed it."""
    policy = load(folder).policy
    if policy is None:
        return None
    if not policy.expires or now < datetime.fromisoformat(policy.expires):
        return LaidDown(
            cedar=policy.cedar, limits=policy.limits, expired=False, goes_on=policy.offline == "go_on"
        )
    nothing = Limits(run=RunWindow(inference=0))
    return LaidDown(
        cedar=(policy.cedar or EVERYTHING) + EXPIRED, limits=tightest(policy.limits, nothing), expired=True
    )


def load(folder: Path) -> Kept:
    """What is kept, with its signatures checked anew."""
    try:
        raw = (folder / FILE).read_bytes()
        hub = from_hex(settings.load(folder).hub)
    except (FileNotFoundError, NotFound):
        return Kept()
    try:
        kept = msgspec.json.decode(raw, type=Kept)
    except msgspec.MsgspecError as error:
        raise _damaged(folder, str(error)) from error
    for one in (kept.policy, kept.newest):
        if one is not None and not signed_by(hub, one.signed, from_hex(one.signature)):
            raise _damaged(folder, "it is not as the hub signed it")
    return kept


def take(folder: Path, policy: Policy, check: Callable[[str], object]) -> Kept:
    """Put a policy, whose signature was checked, in force; an older one than there was changes nothing.

    ``check`` raises Damaged for Cedar that does not hold here: then what was in force stays so, but for the stop.
    """
    kept, problem = load(folder), ""
    if policy.version <= kept.version:
        return kept
    _switch(folder, policy)
    try:
        if policy.cedar:
            check(policy.cedar)
    except Damaged as error:
        problem = error.message[:MAX_PROBLEM]
    good = kept.policy if problem else policy
    return keep(folder, Kept(policy=good, newest=policy, problem=problem, told=kept.told))


def proof(kept: Kept) -> Applied | None:
    """What the hub has not been told yet."""
    if kept.newest is None or kept.told == kept.version:
        return None
    return Applied(version=kept.version, digest=digest_of(kept.newest), problem=kept.problem)


def keep(folder: Path, kept: Kept) -> Kept:
    partial = folder / f"{FILE}.part"
    partial.write_bytes(msgspec.json.encode(kept))
    partial.replace(folder / FILE)
    return kept


def stand(folder: Path) -> Kept:
    """The stop as the newest policy says: after a crash or a hand in between, too."""
    kept = load(folder)
    if kept.newest is not None:
        _switch(folder, kept.newest)
    return kept


def forget(folder: Path) -> None:
    """Of a claw that leaves the mesh."""
    for name in (FILE, stop.OF_HUB, "leases.db", "leases.db-wal", "leases.db-shm"):
        (folder / name).unlink(missing_ok=True)


def _switch(folder: Path, policy: Policy) -> None:
    if policy.stopped:
        stop.put(folder, policy.reason, stop.OF_HUB)
    else:
        (folder / stop.OF_HUB).unlink(missing_ok=True)


def _damaged(folder: Path, problem: str) -> Damaged:
    return Damaged(
        f"what your company's hub laid down cannot be believed ({str(folder / FILE)!r}: {problem}), so nothing runs",
        fix="Move that file away; the daemon gets it again from the hub.",
    )
