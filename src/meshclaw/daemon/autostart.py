"""The daemon as a service of the person's own session: a systemd user unit, or a launchd agent on a Mac.

What the unit leaves out, it leaves out on purpose. The daemon starts sandboxes, so it may make namespaces and mount.
PrivateTmp, ProtectSystem and whatever else changes mounts give a user's unit a user namespace in which root's files are
nobody's: the ceiling and bubblewrap are trusted because they are root's, and nothing would run. MemoryDenyWriteExecute
would bind the commands inside as well.
"""

from __future__ import annotations

import os
import plistlib
import subprocess
import sys
from pathlib import Path

import msgspec

from meshclaw.daemon.service import STOP_S
from meshclaw.errors import Operational, UserError

NAME = "meshclaw"
LABEL = "org.openmeshclaw.daemon"
RESTART_S, TRIES, WITHIN_S = 5, 5, 300
"""Of failures in a row: after so many within so long somebody has to look."""
MINE = (2, 3, 4)
"""Exit codes that a person has to mend; trying again would not."""
LOG = "daemon.log"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One service file, and the commands that take it in and out."""

    path: Path
    text: str
    begin: tuple[tuple[str, ...], ...]
    end: tuple[tuple[str, ...], ...]
    ask: tuple[str, ...]
    """Ends with 0 where the service runs."""

    @property
    def is_there(self) -> bool:
        return self.path.exists()

    @property
    def is_current(self) -> bool:
        return self.is_there and self.path.read_text("utf-8") == self.text


def file(folder: Path, moved: str) -> File:
    """For this system. ``moved``: MESHCLAW_HOME, where it is set; the service then has it, too."""
    words = [sys.executable, "-m", "meshclaw", "daemon", "run"]
    if sys.platform == "darwin":
        return _launchd(words, folder, moved)
    if sys.platform.startswith("linux"):
        return _systemd(words, moved)
    raise UserError(f"there are no service files for {sys.platform}", fix="Start it yourself: meshclaw up")


def install(one: File) -> None:
    _write(one)
    for command in one.begin:
        _run(command)


def remove(one: File) -> None:
    for command in one.end:
        _run(command, failing=False)
    one.path.unlink(missing_ok=True)


def runs(one: File) -> bool:
    try:
        return subprocess.run(one.ask, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _write(one: File) -> None:
    try:
        one.path.parent.mkdir(parents=True, exist_ok=True)
        part = one.path.with_suffix(".part")
        part.write_text(one.text, "utf-8")
        part.replace(one.path)
    except OSError as error:
        raise Operational(f"{str(one.path)!r} cannot be written ({error.strerror})") from error


def _run(command: tuple[str, ...], *, failing: bool = True) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Operational(
            f"there is no {command[0]!r} here, so nothing can start it", fix="Start it yourself: meshclaw up"
        ) from error
    if done.returncode and failing:
        raise Operational(
            f"{' '.join(command)} failed: {' '.join(done.stderr.split()) or done.returncode}",
            fix="The file is written; without a session of yours the system cannot start it yet.",
        )


# -- systemd -----------------------------------------------------------------------------


def _systemd(words: list[str], moved: str) -> File:
    above = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(above) if Path(above).is_absolute() else Path.home() / ".config"
    unit = f"{NAME}.service"
    control = ("systemctl", "--user")
    return File(
        path=folder / "systemd" / "user" / unit, text=_unit(words, moved),
        begin=((*control, "daemon-reload"), (*control, "enable", unit), (*control, "restart", unit)),
        end=((*control, "disable", "--now", unit), (*control, "daemon-reload")),
        ask=(*control, "--quiet", "is-active", unit),
    )  # fmt: skip


def _unit(words: list[str], moved: str) -> str:
    place = f"Environment={_quoted(f'MESHCLAW_HOME={moved}')}\n" if moved else ""
    return f"""\
# Written by: meshclaw service install
[Unit]
Description=MeshClaw, the claw of one person, with its page
StartLimitIntervalSec={WITHIN_S}
StartLimitBurst={TRIES}

[Service]
Type=exec
ExecStart={" ".join(map(_quoted, words))}
{place}Restart=on-failure
RestartSec={RESTART_S}
RestartPreventExitStatus={" ".join(map(str, MINE))}
# What is at work when it is stopped is let finish.
TimeoutStopSec={STOP_S + 15:.0f}
KillMode=mixed
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
LimitCORE=0
# A command that uses up its memory ends alone.
OOMPolicy=continue

[Install]
WantedBy=default.target
"""


def _quoted(word: str) -> str:
    """As systemd.syntax reads it: quoted, with no specifiers. None of our own words holds a variable."""
    if any(not one.isprintable() for one in word):
        raise UserError(f"{word!r} cannot stand in a service file", fix="Use a folder with a plain name.")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


# -- launchd -----------------------------------------------------------------------------


def _launchd(words: list[str], folder: Path, moved: str) -> File:
    path = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    domain = f"gui/{os.getuid()}"
    return File(
        path=path, text=_plist(words, folder, moved), begin=(("launchctl", "bootstrap", domain, str(path)),),
        end=(("launchctl", "bootout", f"{domain}/{LABEL}"),), ask=("launchctl", "print", f"{domain}/{LABEL}"),
    )  # fmt: skip


def _plist(words: list[str], folder: Path, moved: str) -> str:
    """Started again where it failed, never more often than launchd's ``ThrottleInterval`` allows."""
    return plistlib.dumps(
        {
            "Label": LABEL, "ProgramArguments": words, "RunAtLoad": True, "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": WITHIN_S // TRIES, "ExitTimeOut": int(STOP_S) + 15, "ProcessType": "Background",
            "Umask": 0o077, "StandardErrorPath": str(folder / LOG), "StandardOutPath": str(folder / LOG),
            **({"EnvironmentVariables": {"MESHCLAW_HOME": moved}} if moved else {}),
        }
    ).decode()  # fmt: skip
