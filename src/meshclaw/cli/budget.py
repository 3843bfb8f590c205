"""``meshclaw budget``: what was used and what is left."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.guard import limits
from meshclaw.guard.layers.budget import amount
from meshclaw.runs.run import tell, tell_last
from meshclaw.runs.spending import Spending
from meshclaw.wiring import Claw, open_claw

BAR = 20
"""Characters of a full bar."""


class Line(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from"}):
    span: limits.Span
    what: str
    used: int
    """Micro-dollars where it is money."""
    limit: int
    left: int
    source: str
    """The file that sets the limit, or ``default``."""


@click.command("budget")
@click.option("--run", default=None, help="This run instead of the newest: the start or the end of its id.")
@screen.as_json
def command(run: str | None, as_json: bool) -> None:
    """What was used and what is left: by the newest run, in the last hour, in the last day.

    Over a limit the guard denies, whoever asks and whatever was approved. The limits stand in limits.toml of the
    state folder; the ceiling file can only lower them.
    """
    with open_claw() as claw:
        id_ = _run(claw, run)
        shown = list(lines(claw, id_))
    if as_json:
        screen.data({"run": id_, "limits": shown})
        return
    if id_:
        click.echo(f"Run {id_}")
    screen.table(
        ("PER", "WHAT", "USED", "LIMIT", "", "FROM"),
        [
            (
                line.span, line.what, amount(line.what, line.used), amount(line.what, line.limit),
                _bar(line), line.source,
            )
            for line in shown
        ],
        empty="",
    )  # fmt: skip


def _run(claw: Claw, prefix: str | None) -> str:
    if prefix is not None:
        return tell(claw.ledger, claw.contents, prefix).run.id
    return next((told.run.id for told in tell_last(claw.ledger, claw.contents, 1)), "")


def lines(claw: Claw, run: str) -> Iterator[Line]:
    """Every limit with what is used of it; ``run`` is empty where there is none."""
    spent = Spending(claw.ledger, run).refresh(claw.ledger.now())
    own = {
        (span, name): number for span, name, number in limits.each(limits.load(claw.folder / "limits.toml"))
    }
    default = {(span, name): number for span, name, number in limits.each(limits.DEFAULT)}
    for span, name, limit in limits.each(claw.limits):
        is_own = own[span, name] != default[span, name]
        source = "ceiling" if limit < own[span, name] else "limits.toml" if is_own else "default"
        used = spent.used(span, name)
        yield Line(span=span, what=name, used=used, limit=limit, left=max(0, limit - used), source=source)


def _bar(line: Line) -> str:
    """At least one block where anything was used, full only where nothing is left."""
    full = BAR if line.left == 0 else min(BAR - 1, -(-line.used * BAR // max(1, line.limit)))
    return "█" * full + "·" * (BAR - full)
