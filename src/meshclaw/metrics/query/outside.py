"""Engines that are too heavy to stand beside the rest: each runs in an environment and a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from meshclaw.errors import Garbled, NotReachable
from meshclaw.metrics.metric import TABLES, Metric, Part
from meshclaw.metrics.query.engine import Tables, parts
from meshclaw.metrics.subset import compiled

LONGEST_S = 600


class Outside:
    """``script`` is a file beside this one; it reads a job from stdin and writes rows to stdout, both JSON."""

    def __init__(
        self, name: str, python: Path, tables: Tables, *, more: Mapping[str, str] | None = None
    ) -> None:
        """``name``: ``clickhouse`` or ``spark``. ``python``: the interpreter that has it."""
        self.name = self.dialect = name
        self._python = python
        self._tables = tables
        self._more = dict(more or {})

    def ask(self, metric: Metric) -> list[Part]:
        return self.ask_all([metric])[0]

    def ask_all(self, metrics: list[Metric]) -> list[list[Part]]:
        """One start of the engine for all of them: it is most of the time that a question takes."""
        job = {
            "queries": [compiled(metric, self.dialect) for metric in metrics],
            "tables": {
                name: {"columns": columns, "files": getattr(self._tables, name)}
                for name, columns in TABLES.items()
            },
            **self._more,
        }
        script = Path(__file__).with_name(f"{self.name}.py")
        done = subprocess.run(
            [self._python, "-I", script], input=msgspec.json.encode(job), capture_output=True, check=False,
            timeout=LONGEST_S,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise NotReachable(f"{self.name} does not answer: {' '.join(said)}", fix="make engines")
        try:
            answers = msgspec.json.decode(done.stdout, type=list[list[list[str | int]]])
        except msgspec.MsgspecError as error:
            raise Garbled(f"{self.name} answers with something else than rows") from error
        return [parts(rows) for rows in answers]
