"""The one entry: run a command in a sandbox, or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import msgspec

from meshclaw.errors import Refused, UserError
from meshclaw.guard.sandbox import bare, probe, seatbelt
from meshclaw.guard.sandbox.egress.secret import Secret
from meshclaw.guard.sandbox.egress.way_out import Egress
from meshclaw.guard.sandbox.process import Finished, Stream, in_bubblewrap
from meshclaw.guard.sandbox.profile import Profile, check
from meshclaw.settings.home import home

Kind = Literal["bubblewrap", "seatbelt", "none"]
_SYSTEM = "/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin"
INSTALL = "Install bubblewrap (apt install bubblewrap, dnf install bubblewrap, pacman -S bubblewrap)."


class Found(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    path: str = ""


def find() -> Found:
    """What this machine has to build a sandbox with. The person's PATH is not asked: it may name a work folder."""
    if sys.platform == "darwin":
        there = os.access(seatbelt.SANDBOX_EXEC, os.X_OK)
        return Found(kind="seatbelt", path=seatbelt.SANDBOX_EXEC) if there else Found(kind="none")
    path = shutil.which("bwrap", path=_SYSTEM)
    if not path or Path(path).stat().st_uid != 0:
        return Found(kind="none")
    return Found(kind="bubblewrap", path=str(Path(path).resolve()))


def run(
    profile: Profile,
    command: Sequence[str],
    *,
    secrets: Sequence[Secret] = (),
    egress: Egress | None = None,
    unsandboxed_allowed: bool = False,
    stdin: int = subprocess.DEVNULL,
    on_output: Callable[[Stream, bytes], None] | None = None,
    over: Callable[[], bool] | None = None,
) -> Finished:
    """Run ``command`` and wait for it; whatever it started has ended then.

    ``egress`` replaces the proxy that the profile's rules give. ``unsandboxed_allowed`` is a person's word, from
    the ceiling file. Once ``over``, asked ten times a second, says so, it is ended. Raises Refused where no sandbox
    can be had or a canary got out of one, Busy where another works in the same folder, UserError where the profile
    opens too much.
    """
    check(profile, state=home())
    for secret in secrets:
        if not any(rule.names(secret.host, secret.port) for rule in profile.egress):
            raise UserError(
                f"the secret {secret.name} is for {secret.place}, where no rule leads", fix="Add a rule."
            )
    found = find()
    if found.kind == "none" and not unsandboxed_allowed:
        raise Refused("there is no sandbox on this machine, so nothing is run", fix=INSTALL)
    with ExitStack() as stack:
        if egress is None and profile.egress:
            egress = stack.enter_context(Egress(profile.egress, secrets))
        if found.kind == "bubblewrap":
            probe.ensure(found.path, egress=egress is not None)
            finished = in_bubblewrap(
                found.path, profile, command, egress=egress, stdin=stdin, on_output=on_output, over=over
            )
        else:
            tmp = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meshclaw-"))).resolve()
            finished = bare.run(
                profile, command, tmp=tmp, in_seatbelt=found.kind == "seatbelt",
                egress=egress, stdin=stdin, on_output=on_output, over=over,
            )  # fmt: skip
    if egress is None:
        return finished
    return msgspec.structs.replace(finished, refused=egress.refused, passed=egress.passed)
