"""DuckDB over Parquet files: the hub's own engine."""

from __future__ import annotations

import msgspec
from duckdb import DuckDBPyConnection

from meshclaw.metrics.metric import Metric, Part
from meshclaw.metrics.query.engine import Tables, parts
from meshclaw.metrics.subset import compiled


class DuckDB:
    name = dialect = "duckdb"

    def __init__(self, connection: DuckDBPyConnection, tables: Tables) -> None:
        """The tables become views of ``connection``, for as long as it lives."""
        self._connection = connection
        for name, files in msgspec.structs.asdict(tables).items():
            show(connection, name, files)

    def ask(self, metric: Metric) -> list[Part]:
        return parts(self._connection.execute(compiled(metric, self.dialect)).fetchall())


def show(connection: DuckDBPyConnection, name: str, files: list[str]) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {parquet(files)}")


def parquet(files: list[str]) -> str:
    """Files as a table in SQL: a view takes no parameters."""
    return f"read_parquet([{', '.join(quoted(file) for file in files)}], hive_partitioning = false)"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
