"""The same profile in the words of macOS: a Seatbelt policy for ``sandbox-exec``. Written after Apple's own profiles
in /System/Library/Sandbox; not proved by this project's tests, which run on Linux."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from meshclaw.guard.sandbox.profile import Profile

SANDBOX_EXEC = "/usr/bin/sandbox-exec"
READ = (
    "/usr", "/bin", "/sbin", "/System", "/Library/Apple", "/Library/Developer", "/opt/homebrew", "/dev",
    "/private/etc/ssl", "/private/etc/localtime", "/private/var/db/timezone", "/private/var/select",
)  # fmt: skip


def policy(profile: Profile, *, tmp: Path, proxy_port: int = 0) -> str:
    """Nothing matched means deny; the last rule that matches decides, so protected paths come last."""
    shown = [*map(Path, READ), *profile.read_only, profile.work, tmp]
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-exec process-fork)",
        "(allow signal (target same-sandbox))",
        "(allow sysctl-read)",
        '(allow mach-lookup (global-name "com.apple.system.logger"))',
        '(allow file-read-metadata (literal "/") (literal "/private") (literal "/var") (literal "/tmp"))',
        f"(allow file-read* {_below(shown)})",
        f'(allow file-write* {_below([profile.work, tmp])} (literal "/dev/null") (literal "/dev/dtracehelper"))',
        f"(deny file-write* {_below([profile.work / path for path in _sealed(profile)])})",
        "(deny file-link)",
    ]
    if proxy_port:
        lines.append(f'(allow network-outbound (remote ip "localhost:{proxy_port}"))')
    return "\n".join(lines)


def launcher(text: str) -> Sequence[str]:
    return (SANDBOX_EXEC, "-p", text)


def _sealed(profile: Profile) -> list[str]:
    """Seatbelt seals names, so what is not there yet is sealed too; ``.git`` itself must stay writable."""
    every = profile.protected
    return [path for path in every if not any(other.startswith(f"{path}/") for other in every)]


def _below(paths: Sequence[Path]) -> str:
    return " ".join(f"(subpath {json.dumps(str(path), ensure_ascii=False)})" for path in paths)
