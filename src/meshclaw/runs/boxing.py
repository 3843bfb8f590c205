"""Programs that a connector talks to, each in a sandbox of its own: what they may read, write, reach and use up."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from meshclaw.connectors.program import Ended, Program
from meshclaw.errors import UserError
from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.egress.secret import Secret
from meshclaw.guard.sandbox.process import Finished, Stream
from meshclaw.guard.sandbox.profile import MB, Limits, Profile
from meshclaw.guard.sandbox.run import run
from meshclaw.settings.home import home

MOST_TOLD = 2000
"""Characters kept of what it wrote to its standard error."""
SERVING = Limits(
    wall_s=12 * 3600, cpu_s=3600, memory_bytes=1024 * MB, processes=64, file_bytes=256 * MB, tmp_bytes=64 * MB,
    output_bytes=64 * 1024,
)  # fmt: skip
CODING = Limits(cpu_s=3600, memory_bytes=4096 * MB, processes=512, output_bytes=64 * 1024)


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """Where a program runs."""

    command: tuple[str, ...]
    folder: str = ""
    """The one folder that it may write to; empty: one of its own that is gone afterwards."""
    reads: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    secrets: tuple[Secret, ...] = ()
    limits: Limits = SERVING


def boxed(box: Box, tell: Callable[[Finished], None] | None = None) -> Program:
    """``tell`` hears how it ended, in the thread in which it ran."""

    def program(stdin: int, heard: Callable[[bytes], None], over: Callable[[], bool]) -> Ended:
        def listen(stream: Stream, part: bytes) -> None:
            if stream == "stdout":
                heard(part)

        with ExitStack() as stack:
            folder = box.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="meshclaw-box-"))
            finished = run(
                _profile(box, Path(folder).resolve()), box.command, secrets=box.secrets, stdin=stdin,
                on_output=listen, over=over,
            )  # fmt: skip
        if tell is not None:
            tell(finished)
        told = finished.stderr.decode("utf-8", "replace").strip()[-MOST_TOLD:]
        return Ended(code=finished.code, stopped=finished.stopped, told=told)

    return program


def _profile(box: Box, folder: Path) -> Profile:
    state = home().resolve()
    for path in (folder, *(Path(one).resolve() for one in box.reads)):
        if path.is_relative_to(state) and path.parent != state / "work":
            raise UserError(
                f"{str(path)!r} belongs to the claw's own state", fix="Name a folder of your own."
            )
    return Profile(
        work=folder, read_only=tuple(Path(one).resolve() for one in box.reads),
        env={"PYTHONDONTWRITEBYTECODE": "1", **box.env}, limits=box.limits, egress=tuple(map(rule, box.hosts)),
    )  # fmt: skip


def rule(place: str) -> Rule:
    """``api.example.com`` or ``api.example.com:8443``."""
    host, port = host_and_port(place)
    return Rule(host=host, port=port)


def secret(name: str, value: str, place: str) -> Secret:
    host, port = host_and_port(place)
    return Secret(name=name, value=value, host=host, port=port)


def host_and_port(place: str) -> tuple[str, int]:
    host, colon, port = place.rpartition(":")
    if not colon:
        return place, 443
    if not port.isdigit():
        raise UserError(f"{place!r} is no host", fix="Write it as example.com or example.com:8443.")
    return host, int(port)


def shown_for(command: str) -> Sequence[str]:
    """What must be seen besides the system for a program to start: its Python environment, its Node packages."""
    path = Path(command)
    found = [_around(path), _around(path.resolve())]
    found += [_base(Path(one)) for one in found if one]
    return tuple(
        dict.fromkeys(one for one in found if one and not f"{one}/".startswith(("/usr/", "/bin/", "/lib/")))
    )


def _around(path: Path) -> str:
    for folder in path.parents:
        if folder.name == "node_modules" or (folder / "pyvenv.cfg").is_file():
            return str(folder)
    return str(path.parent)


def _base(folder: Path) -> str:
    """Of a Python environment, the installation that it was made from."""
    try:
        lines = (folder / "pyvenv.cfg").read_text("utf-8").splitlines()
    except OSError:
        return ""
    homes = [line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "home"]
    place = Path(homes[0]).resolve() if homes else Path(sys.base_prefix)
    return str(place.parent if place.name == "bin" else place)
