"""A command without bubblewrap around it: in Seatbelt on macOS, or, where a person's ceiling file says so, in nothing
but limits and a small environment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from meshclaw.guard.sandbox import seatbelt
from meshclaw.guard.sandbox.egress.way_out import Egress
from meshclaw.guard.sandbox.process import Finished, Running, Stream, pump
from meshclaw.guard.sandbox.profile import Profile, environment

_BOUNDED = 'ulimit -c 0; ulimit -t "$1"; ulimit -f "$2"; shift 2; exec "$@"'


def run(
    profile: Profile,
    command: Sequence[str],
    *,
    tmp: Path,
    in_seatbelt: bool,
    egress: Egress | None = None,
    stdin: int = subprocess.DEVNULL,
    on_output: Callable[[Stream, bytes], None] | None = None,
    over: Callable[[], bool] | None = None,
) -> Finished:
    """Run ``command`` with ``tmp`` as its home. What it starts in another process group is not ended with it."""
    port = _serve(egress) if egress else 0
    certificates = tmp / "certificates.pem"
    if egress:
        certificates.write_bytes(egress.certificates())
    env = environment(profile, os.environ) | {"HOME": str(tmp), "TMPDIR": str(tmp)}
    env |= egress.environment(port, str(certificates)) if egress else {}
    limits = (str(profile.limits.cpu_s), str(profile.limits.file_bytes // 512))
    around = seatbelt.launcher(seatbelt.policy(profile, tmp=tmp, proxy_port=port)) if in_seatbelt else ()
    with subprocess.Popen(
        ["/bin/sh", "-c", _BOUNDED, "sh", *limits, *around, *command],
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=profile.work,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            finished = pump(Running(process=process, kill=lambda: _kill(process)), profile, on_output, over)
        finally:
            _kill(process)
    return msgspec.structs.replace(finished, sandboxed=in_seatbelt)


def _serve(egress: Egress) -> int:
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    egress.serve(listener)
    return port


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
