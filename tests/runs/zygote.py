"""Commands of ``meshclaw`` as processes of their own, each a fork of one that has loaded the models' libraries already.

Loading them takes longer than all the rest of a command, and a test that kills at every moment starts a hundred.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]


class Job(msgspec.Struct, kw_only=True):
    words: list[str]
    home: str
    kill_at: int = 0
    kill_in: str = ""


class Done(msgspec.Struct, kw_only=True):
    code: int
    """Negative: the signal that killed it."""
    out: str = ""
    err: str = ""


class Zygote:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.runs.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        )  # fmt: skip

    def run(self, words: Sequence[str], home: Path, *, kill_at: int = 0, kill_in: str = "") -> Done:
        """``kill_at``: its how-manieth moment, or where ``kill_in`` names a function, its how-manieth call."""
        assert self._process.stdin
        assert self._process.stdout
        job = Job(words=list(words), home=str(home), kill_at=kill_at, kill_in=kill_in)
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Done)

    def stop(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


def fork(job: Job) -> Done:
    out, err = Path(job.home) / "out", Path(job.home) / "err"
    pid = os.fork()
    if not pid:
        become(job, out, err)
    _, status = os.waitpid(pid, 0)
    return Done(code=os.waitstatus_to_exitcode(status), out=out.read_text(), err=err.read_text())


def become(job: Job, out: Path, err: Path) -> None:
    from tests.runs import crashing

    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ["MESHCLAW_HOME"] = job.home
    if job.kill_at:
        crashing.arm(job.kill_at, job.kill_in)
    code = crashing.meshclaw(job.words)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(crashing.OVER if job.kill_at and not code else code)


def load() -> None:
    """What a command that asks a model loads."""
    import pydantic_ai.direct
    import pydantic_ai.models.openai

    import meshclaw.cli.ask
    import meshclaw.cli.run
    import meshclaw.connectors.mail.connector
    import meshclaw.llm.messages
    import meshclaw.llm.providers
    import meshclaw.runs.loop
    from meshclaw.llm.prices import prices

    _ = pydantic_ai, meshclaw, prices


if __name__ == "__main__":
    load()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(fork(msgspec.json.decode(line, type=Job))) + b"\n")
        sys.stdout.buffer.flush()
