"""ClickHouse's engine in a process, by chdb. Runs alone, in an environment that has chdb: see ``outside``."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

SETTINGS = "join_use_nulls = 1, count_distinct_implementation = 'uniqExact', use_hive_partitioning = 0"
"""As SQL says, where ClickHouse would otherwise fill in zeros; exact, never an estimate."""


def answers(job: dict[str, Any]) -> list[list[list[Any]]]:
    here: Any = import_module("chdb.session").Session()
    for name, table in job["tables"].items():
        columns = ", ".join(f"`{column}`" for column in table["columns"])
        each = " UNION ALL ".join(
            f"SELECT {columns} FROM file({_quoted(file)}, Parquet)" for file in table["files"]
        )
        here.query(f"CREATE VIEW {name} AS {each}")
    return [
        _rows(str(here.query(f"{text} SETTINGS {SETTINGS}", "JSONCompactEachRow"))) for text in job["queries"]
    ]


def _rows(text: str) -> list[list[Any]]:
    """64-bit numbers come as text: JSON's own are shorter."""
    return [[*row[:4], int(row[4]), int(row[5])] for row in map(json.loads, text.splitlines())]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    json.dump(answers(json.load(sys.stdin)), sys.stdout)
