"""PostgreSQL: for companies that have it and want their facts in it."""

from __future__ import annotations

from typing import Any

import duckdb
import psycopg
from psycopg.sql import SQL, Identifier

from meshclaw.metrics.metric import NUMBERS, TABLES, Metric, Part
from meshclaw.metrics.query.duckdb import parquet
from meshclaw.metrics.query.engine import Tables, parts
from meshclaw.metrics.subset import compiled

_AT_ONCE = 10_000


class PostgreSQL:
    name, dialect = "postgresql", "postgres"

    def __init__(self, connection: psycopg.Connection[Any], schema: str = "public") -> None:
        """``schema`` holds the three tables."""
        self._connection = connection
        self._schema = schema

    def ask(self, metric: Metric) -> list[Part]:
        with self._connection.transaction():
            self._connection.execute(SQL("SET LOCAL search_path TO {}").format(Identifier(self._schema)))
            rows = self._connection.execute(compiled(metric, self.dialect).encode()).fetchall()
        return parts(rows)

    def fill(self, tables: Tables) -> None:
        """Puts the rows of ``tables`` in the place of those that are there, as one transaction."""
        with self._connection.transaction(), duckdb.connect() as source:
            self._connection.execute(SQL("SET LOCAL search_path TO {}").format(Identifier(self._schema)))
            for name, columns in TABLES.items():
                kinds = [SQL("BIGINT" if one in NUMBERS or one == "people" else "TEXT") for one in columns]
                named = SQL(", ").join(
                    SQL("{} {} NOT NULL").format(Identifier(one), kind)
                    for one, kind in zip(columns, kinds, strict=True)
                )
                self._connection.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(name)))
                self._connection.execute(SQL("CREATE TABLE {} ({})").format(Identifier(name), named))
                self._copy(source, name, columns, getattr(tables, name))

    def _copy(
        self, source: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, ...], files: list[str]
    ) -> None:
        rows = source.execute(f"SELECT {', '.join(columns)} FROM {parquet(files)}")
        with self._connection.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(name))) as copy:
            while some := rows.fetchmany(_AT_ONCE):
                for row in some:
                    copy.write_row(row)
