"""Where facts and what was made of them lie: Parquet files, each replaced as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from meshclaw.metrics.metric import Metric
from meshclaw.metrics.query.duckdb import quoted

PART = ".part"
ROWS = 8_192
"""Of a row group: an answer for one unit reads a few of them and no more."""


class Week(NamedTuple):
    """The part of an ISO week that lies in one quarter: a person's name changes between two."""

    quarter: str
    monday: str


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def facts(self, week: Week) -> Path:
        return self.path / "facts" / week.quarter / f"{week.monday}.parquet"

    def person_week(self, week: Week) -> Path:
        return self.path / "rollups" / "person_week" / week.quarter / f"{week.monday}.parquet"

    def people(self, quarter: str) -> Path:
        return self.path / "rollups" / "people" / f"{quarter}.parquet"

    def tree(self, quarter: str) -> Path:
        """Columns ``unit`` and ``above``: each unit with itself and all that it lies in."""
        return self.path / "rollups" / "tree" / f"{quarter}.parquet"

    def answers(self, metric: Metric, grain: str, quarter: str) -> Path:
        """Of one version of a metric: another version's answers are other ones."""
        name = f"{metric.slug}.{metric.version}"
        return self.path / "rollups" / "answers" / name / grain / f"{quarter}.parquet"

    def _stale(self, week: Week) -> Path:
        return self.path / "rollups" / "stale" / f"{week.quarter}.{week.monday}"

    def weeks(self) -> list[Week]:
        """All that there are facts of."""
        return _weeks(self.path / "facts")

    def rolled(self) -> list[Week]:
        """All that are rolled up."""
        return _weeks(self.path / "rollups" / "person_week")

    def stale(self) -> list[Week]:
        """What has to be rolled up."""
        found = (self.path / "rollups" / "stale").glob("*.*")
        return sorted(Week(*file.name.split(".")) for file in found)

    def mark(self, weeks: Iterable[Week]) -> None:
        """Durably: a week's facts may change only after this."""
        for week in weeks:
            file = self._stale(week)
            _make(file.parent)
            file.touch()
            _sync(file.parent)

    def unmark(self, weeks: Iterable[Week]) -> None:
        for week in weeks:
            self._stale(week).unlink(missing_ok=True)

    def clean(self) -> None:
        """Takes away what a killed writer left half done. Only whoever writes alone may call it."""
        for file in self.path.rglob(f"*{PART}"):
            file.unlink()


def _weeks(folder: Path) -> list[Week]:
    return sorted(Week(file.parent.name, file.stem) for file in folder.glob("*/*.parquet"))


@contextmanager
def connected(folder: Folder) -> Generator[DuckDBPyConnection]:
    """What does not fit into memory goes to the folder's own disk."""
    with duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = {quoted(str(folder.path / 'spill'))}")
        connection.execute("SET preserve_insertion_order = false")
        yield connection


def put(connection: DuckDBPyConnection, query: str, path: Path, *, rows: int = 122_880) -> None:
    """Write what ``query`` gives to ``path``: once it is whole and on disk, in one step."""
    _make(path.parent)
    part = path.with_name(path.name + PART)
    connection.execute(
        f"COPY ({query}) TO {quoted(str(part))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})"
    )
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    _sync(path.parent)


def _make(folder: Path) -> None:
    if not folder.exists():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
