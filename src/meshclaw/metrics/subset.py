"""The SQL that a metric may be written in: what every engine understands alike, and what cannot tell of one person.

Whatever is not named here is refused: no window, no percentile, no minimum, no division, no sampling, no function but
COUNT, SUM, COALESCE and CASE. ``who`` and ``day`` can be counted distinct and carried from one step to the next; they
never reach the last step's columns, and a step that carries them counts nothing, so no person's sum can be built.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp

from meshclaw.errors import UserError
from meshclaw.metrics.metric import OUTPUT, TABLES, Metric

FROM = "duckdb"
"""The dialect that metrics are written in."""
PERSONAL = {"who", "day"}
SLICES = {"intent", "agent", "tool", "model", "cell", "effect", "verdict", "rule", "outcome"}
NODES = (
    exp.Select, exp.With, exp.CTE, exp.From, exp.Join, exp.Where, exp.Group, exp.Distinct, exp.Table,
    exp.TableAlias, exp.Identifier, exp.Column, exp.Alias, exp.Star, exp.Literal, exp.Paren, exp.Tuple, exp.And,
    exp.Or, exp.Not, exp.In, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Count, exp.Sum, exp.Coalesce,
    exp.Case, exp.If,
)  # fmt: skip


def compiled(metric: Metric, dialect: str) -> str:
    """The query as an engine understands it. UserError where it leaves the subset."""
    return check(metric).sql(dialect=dialect, pretty=True, identify=True)


def check(metric: Metric) -> exp.Select:
    """Raises UserError for the first thing in its query that no metric may use."""
    try:
        statements = sqlglot.parse(metric.query, read=FROM)
    except sqlglot.ParseError as error:
        raise UserError(f"the metric {metric.slug!r} is no SQL: {error}") from error
    last = statements[0] if len(statements) == 1 else None
    if not isinstance(last, exp.Select):
        raise UserError(f"the metric {metric.slug!r} is not one SELECT")
    for problem in _problems(last, metric):
        raise UserError(
            f"the metric {metric.slug!r} {problem}", fix="meshclaw/metrics/subset.py says what may be used."
        )
    return last


def _problems(last: exp.Select, metric: Metric) -> Iterator[str]:
    for node in last.walk():
        if type(node) not in NODES:
            yield f"uses {type(node).__name__}: {node.sql(dialect=FROM)}"
    yield from _sources(last)
    if tuple(last.named_selects) == OUTPUT:
        yield from _shape(last, metric)
    else:
        yield f"gives {', '.join(last.named_selects)} and not {', '.join(OUTPUT)}"
    yield from _columns(last)


def _sources(last: exp.Select) -> Iterator[str]:
    known = {*TABLES, *(cte.alias for cte in last.find_all(exp.CTE))}
    for table in last.find_all(exp.Table):
        if table.db or table.name not in known:
            yield f"reads {table.sql(dialect=FROM)!r}"
    for join in last.find_all(exp.Join):
        if join.kind not in {"", "INNER"} or join.side not in {"", "LEFT"} or not join.args.get("on"):
            yield f"joins in another way than JOIN ... ON or LEFT JOIN ... ON: {join.sql(dialect=FROM)}"


def _columns(last: exp.Select) -> Iterator[str]:
    if any(not isinstance(star.parent, exp.Count) for star in last.find_all(exp.Star)):
        yield "selects *"
    known = {name for names in TABLES.values() for name in names}
    known |= {name for cte in last.find_all(exp.CTE) for name in _selected(cte)}
    for column in last.find_all(exp.Column):
        if column.name not in known:
            yield f"reads the column {column.name!r}"
        if column.name in PERSONAL and not _is_hidden(column, last):
            yield f"shows {column.name!r}: {(column.parent or column).sql(dialect=FROM)}"


def _shape(last: exp.Select, metric: Metric) -> Iterator[str]:
    """Rows are units in weeks, in slices at most: no row is about less than a unit."""
    by_name = dict(zip(OUTPUT, last.selects, strict=True))
    for name in ("quarter", "week", "unit"):
        if not isinstance(by_name[name], exp.Column):
            yield f"gives as {name} something else than the column {name}"
    slice_ = by_name["slice"].unalias()
    if not (isinstance(slice_, exp.Literal) or (isinstance(slice_, exp.Column) and slice_.name in SLICES)):
        yield f"slices by {slice_.sql(dialect=FROM)}"
    if metric.slices != (slice_.name if isinstance(slice_, exp.Column) else ""):
        yield f"does not say rightly what it slices by: {metric.slices!r}"
    keys: list[Any] = last.args["group"].expressions if last.args.get("group") else []
    if any(
        not isinstance(key, exp.Column) or key.name not in {"quarter", "week", "unit"} | SLICES
        for key in keys
    ):
        yield "groups by something else than quarter, week, unit and its slice"
    if metric.adds == "distinct" and any(last.find_all(exp.Sum)):
        yield "adds up what it counts distinct"


def _selected(cte: exp.CTE) -> list[str]:
    return cte.this.named_selects


def _is_hidden(column: exp.Column, last: exp.Select) -> bool:
    """Whether a column that is about one person only helps to count."""
    at = column.parent
    if isinstance(at, exp.If) and column.arg_key == "true" and isinstance(at.parent, exp.Case):
        at = at.parent.parent  # CASE WHEN ... THEN who END
    if isinstance(at, exp.Distinct):
        return isinstance(at.parent, exp.Count) and len(at.expressions) == 1
    if not isinstance(at, exp.Select) or at is last or column.arg_key != "expressions":
        return False
    return not any(at.find_all(exp.Count, exp.Sum)) and at.args.get("group") is None


def columns_of(metric: Metric) -> set[str]:
    """The columns of facts that its query reads."""
    return {column.name for column in check(metric).find_all(exp.Column)} & set(TABLES["facts"])
