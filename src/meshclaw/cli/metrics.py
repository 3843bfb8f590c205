"""``meshclaw metrics``: list, show, ask, sql: what a company may ask about itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from meshclaw.cli import screen
from meshclaw.errors import UserError
from meshclaw.settings.home import home

if TYPE_CHECKING:
    from meshclaw.metrics.ask import Answer
    from meshclaw.metrics.metric import Metric, Part

ENGINES = {"duckdb": "duckdb", "postgresql": "postgres", "clickhouse": "clickhouse", "spark": "spark"}
"""Each with the dialect that sqlglot calls its own."""
PERIOD = timedelta(weeks=12)
ADDS = {
    "sum": "weeks and units add up",
    "ratio": "both numbers add up over weeks and units, and are divided only then",
    "distinct": "units add up; people are counted anew for a quarter, and over more than one not at all",
}
day = click.DateTime(["%Y-%m-%d"])


@click.group("metrics")
def command() -> None:
    """What a company may ask about itself, answered for units and never for a person.

    Each metric is defined once; the hub answers from what it rolled up.
    """


def _find(slug: str) -> Metric:
    try:
        from meshclaw.metrics.catalog import find
    except ImportError as error:
        raise UserError(
            f"metrics need the package {error.name!r}", fix="pip install 'openmeshclaw[hub]'"
        ) from error
    return find(slug)


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """Every metric there is."""
    from meshclaw.metrics.catalog import ALL

    if as_json:
        screen.data(ALL)
        return
    rows = [(metric.slug, metric.unit, metric.slices, metric.words) for metric in ALL]
    screen.table(("metric", "in", "by", "what"), rows, empty="")


@command.command()
@click.argument("slug")
@screen.as_json
def show(slug: str, as_json: bool) -> None:
    """How SLUG is defined, to the last word."""
    metric = _find(slug)
    if as_json:
        screen.data(metric)
        return
    click.echo(f"{metric.words}.\n")
    told = {
        "in": metric.unit, "by": metric.slices or "nothing more", "finest": " and ".join(metric.grain),
        "adds up": ADDS[metric.adds], "grade": metric.grade, "version": str(metric.version),
    }  # fmt: skip
    for name, value in told.items():
        click.echo(f"{name:<10}{value}")
    click.echo(metric.query.rstrip())


@command.command()
@click.argument("slug")
@click.option(
    "--engine",
    type=click.Choice(list(ENGINES)),
    default="duckdb",
    show_default=True,
    help="Which one is asked.",
)
def sql(slug: str, engine: str) -> None:
    """SLUG as an engine is asked it: units alone, without those below them."""
    from meshclaw.metrics.subset import compiled

    click.echo(compiled(_find(slug), ENGINES[engine]))


@command.command()
@click.argument("slug")
@click.option("--unit", required=True, help="Whose answer, with all units below it.")
@click.option("--since", type=day, default=None, help="Twelve weeks before --until where it is not said.")
@click.option("--until", type=day, default=None, help="Today where it is not said.")
@click.option(
    "--by", type=click.Choice(["week", "quarter"]), default="week", show_default=True,
    help="Whole quarters count each person once.",
)  # fmt: skip
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None,
    help="The hub's; hub/ of the state folder.",
)  # fmt: skip
@screen.as_json
def ask(
    slug: str, unit: str, since: datetime | None, until: datetime | None, by: Literal["week", "quarter"],
    folder: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """What SLUG comes to, by closed week: top and bottom are exact whole numbers in --json."""
    metric = _find(slug)
    from meshclaw.metrics.ask import ask as answer
    from meshclaw.metrics.folder import Folder

    last = until.date() if until else date.today()  # noqa: DTZ011 (the person's own day)
    first = since.date() if since else last - PERIOD
    found = answer(Folder(folder or home() / "hub"), metric, unit, first, last, by=by)
    if as_json:
        screen.data(found)
    else:
        _show(found, metric)


def _show(answer: Answer, metric: Metric) -> None:
    screen.words(f"{metric.words}. {answer.unit}, {answer.since} to {answer.until}.")
    heads = ("quarter", "week", metric.slices or "", "")
    rows = [
        (part.quarter, part.week, part.slice or ("(none)" if metric.slices else ""), number(part, metric))
        for part in (*answer.rows, *answer.whole)
    ]
    keep = [at for at in range(4) if at == 3 or any(row[at] for row in rows)]
    screen.table(
        [heads[at] for at in keep],
        ([row[at] if at or row[at] else "all" for at in keep] for row in rows),
        empty="Nothing is known of that time.",
    )


def number(part: Part, metric: Metric) -> str:
    """For people; a ratio over nothing is a dash."""
    money = metric.unit.startswith("micro-dollars")
    if metric.adds == "sum":
        return f"${part.top / 1e6:,.2f}" if money else f"{part.top:,}"
    if money:
        each = f"${part.top / 1e6 / part.bottom:,.2f}" if part.bottom else "-"
        return f"{each} (${part.top / 1e6:,.2f} for {part.bottom:,})"
    if not part.bottom:
        return "-"
    each = f"{part.top / part.bottom:.2f}" if " per " in metric.unit else f"{part.top / part.bottom:.1%}"
    return (
        f"{each} ({part.top:,} of {part.bottom:,})"
        if "%" in each
        else f"{each} ({part.top:,} / {part.bottom:,})"
    )
