"""Facts of whole weeks become answers: what each unit, with all below it, comes to in each week and quarter.

Two rollups. *Person-week* keeps of each person and week only what distinct counts ask for, under the quarter's
pseudonym. *Answers* hold the final rows of every metric, sorted by unit, so that a question reads a few kilobytes
however big the company is. Both come from facts alone and can be made anew at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from duckdb import DuckDBPyConnection
from sqlglot import exp

from meshclaw.metrics.catalog import ALL
from meshclaw.metrics.folder import ROWS, Folder, Week, connected, put
from meshclaw.metrics.metric import Metric
from meshclaw.metrics.query.duckdb import parquet, quoted, show
from meshclaw.metrics.subset import FROM, check, columns_of, compiled

DISTINCT = tuple(metric for metric in ALL if metric.adds == "distinct")


def roll(
    folder: Folder, weeks: Sequence[Week], facts: Callable[[DuckDBPyConnection, Week], None] | None = None
) -> None:
    """Make the answers of ``weeks`` anew, and of the quarters they lie in.

    ``facts`` provides a week's facts as ``facts`` of the connection; without it they are the folder's.
    """

    def of_folder(connection: DuckDBPyConnection, week: Week) -> None:
        show(connection, "facts", [str(folder.facts(week))])

    for quarter, group in groupby(sorted(weeks), key=lambda week: week.quarter):
        mine = list(group)
        with connected(folder) as connection:
            show(connection, "people", [str(folder.people(quarter))])
            show(connection, "tree", [str(folder.tree(quarter))])
            for metric in ALL:
                connection.execute(f"CREATE TEMP TABLE {_fresh(metric)} ({_COLUMNS})")
            for week in mine:
                (facts or of_folder)(connection, week)
                _week(connection, folder, week)
            _weeks(connection, folder, quarter, mine)
            _quarter(connection, folder, quarter)
        folder.unmark(mine)


_COLUMNS = "quarter VARCHAR, week VARCHAR, unit VARCHAR, slice VARCHAR, top BIGINT, bottom BIGINT"


def _fresh(metric: Metric) -> str:
    return f'"fresh {metric.slug}"'


def _week(connection: DuckDBPyConnection, folder: Folder, week: Week) -> None:
    put(connection, person_week(), folder.person_week(week))
    _ask_about(connection, week)
    for metric in ALL:
        connection.execute(f"INSERT INTO {_fresh(metric)} {compiled(metric, FROM)}")


def _ask_about(connection: DuckDBPyConnection, week: Week) -> None:
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW weeks AS SELECT {quoted(week.quarter)} AS quarter, {quoted(week.monday)} AS week"
    )


def person_week() -> str:
    """What of facts the distinct counts need, each once; every such metric can be asked of it unchanged."""
    columns = {name for metric in DISTINCT for name in columns_of(metric)} - {"who"}
    wanted = {
        where.this.sql(dialect=FROM) for metric in DISTINCT for where in check(metric).find_all(exp.Where)
    }
    return (
        f"SELECT DISTINCT {', '.join(sorted(columns))}, CAST(who AS UUID) AS who "
        f"FROM facts WHERE {' OR '.join(f'({one})' for one in sorted(wanted))} ORDER BY unit, who"
    )


def _weeks(connection: DuckDBPyConnection, folder: Folder, quarter: str, anew: Sequence[Week]) -> None:
    """The weeks that are made anew, beside those that stay."""
    mondays = ", ".join(quoted(week.monday) for week in anew)
    for metric in ALL:
        path = folder.answers(metric, "week", quarter)
        whole = _with_all_below(f"SELECT * FROM {_fresh(metric)}")
        if path.exists():
            whole += f" UNION ALL SELECT * FROM {parquet([str(path)])} WHERE week NOT IN ({mondays})"
        put(connection, f"SELECT * FROM ({whole}) ORDER BY unit, week, slice", path, rows=ROWS)


def _quarter(connection: DuckDBPyConnection, folder: Folder, quarter: str) -> None:
    """People counted once over all weeks of the quarter that are rolled up."""
    files = [str(folder.person_week(week)) for week in folder.rolled() if week.quarter == quarter]
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW facts AS SELECT * REPLACE ('' AS week) FROM {parquet(files)}"
    )
    _ask_about(connection, Week(quarter, ""))
    for metric in DISTINCT:
        whole = _with_all_below(compiled(metric, FROM))
        put(
            connection, f"{whole} ORDER BY unit, slice", folder.answers(metric, "quarter", quarter), rows=ROWS
        )


def _with_all_below(query: str) -> str:
    """Exact for distinct counts too: in a quarter a person is in one unit."""
    return (
        "SELECT quarter, week, above AS unit, slice, CAST(SUM(top) AS BIGINT) AS top, "
        f"CAST(SUM(bottom) AS BIGINT) AS bottom FROM ({query}) AS own JOIN tree USING (unit) GROUP BY ALL"
    )
