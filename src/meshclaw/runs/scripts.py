"""A skill's script, run once: in a sandbox with its own folder, no home, no keys, no network; gone afterwards."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from meshclaw.errors import Refused
from meshclaw.flow.action import Value
from meshclaw.guard.sandbox.process import Finished
from meshclaw.guard.sandbox.profile import MB, Limits, Profile
from meshclaw.guard.sandbox.run import run

MOST_OUT = 64 * 1024
"""Bytes of what it prints."""
MOST_TOLD = 500
"""Characters of its complaint."""


def execute(
    files: Mapping[str, bytes], script: str, arguments: Mapping[str, Value], seconds: int, *,
    tell: Callable[[Finished], None] | None = None,
) -> str:  # fmt: skip
    """What ``script``, one of the skill's ``files``, printed; ``arguments`` as JSON on its standard input.

    ``tell`` hears how it ended before anything of it is judged.
    Raises Refused where there is no sandbox, where it failed, and where it used up what it may.
    """
    with tempfile.TemporaryDirectory(prefix="meshclaw-skill-") as scratch:
        work = Path(scratch).resolve()
        for path, content in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(content)
        with tempfile.TemporaryFile() as given:
            given.write(msgspec.json.encode(arguments))
            given.seek(0)
            finished = run(_profile(work, seconds), _command(script), stdin=given.fileno())
    if tell is not None:
        tell(finished)
    return _printed(finished, script)


def _profile(work: Path, seconds: int) -> Profile:
    limits = Limits(
        wall_s=seconds, cpu_s=seconds, memory_bytes=512 * MB, processes=32, file_bytes=16 * MB, tmp_bytes=32 * MB,
        output_bytes=MOST_OUT,
    )  # fmt: skip
    python = Path(sys.base_prefix).resolve()
    shown = () if python.is_relative_to("/usr") else (python,)
    return Profile(work=work, read_only=shown, env={"PYTHONDONTWRITEBYTECODE": "1"}, limits=limits)


def _command(script: str) -> list[str]:
    if script.endswith(".sh"):
        return ["/bin/sh", script]
    return [os.path.realpath(Path(sys.base_prefix) / "bin" / "python3"), "-I", script]


def _printed(finished: Finished, script: str) -> str:
    if finished.stopped:
        raise Refused(f"the script {script!r} was stopped: it used up its {finished.stopped}")
    if finished.code:
        told = finished.stderr.decode("utf-8", "replace").strip()[-MOST_TOLD:]
        raise Refused(f"the script {script!r} ended with code {finished.code}: {told or 'it said nothing'}")
    return finished.stdout.decode("utf-8", "replace")
