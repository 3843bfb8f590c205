"""How ``meshclaw code report`` looks to a person: what could not be known first, then the numbers."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise

import click

from meshclaw.changes.report import Comparison, Group, Point, Report, Repository, Share, Spend, Survival, day
from meshclaw.cli import screen
from meshclaw.cli.usage_shown import money

WIDEST = 110
"""Columns of text; a longer line is hard to read."""
ROWS, LEAST_COLUMNS, MOST_COLUMNS = 10, 40, 76
"""Of the chart."""
FLOORS = (0.0, 0.5, 0.75, 0.9)
"""Shares that the lowest row may stand for: so that the others have round ones."""
DAYS = 90
"""That the chart spans."""
FEW = "too few"
MOST_TOOLS, MOST_COMPARISONS = 8, 9
MOST_REPOSITORIES = 40


def show(report: Report) -> None:
    if report.repositories:
        _repository(report.together)
    if len(report.repositories) > 1:
        _each(report.repositories)
    if report.spend:
        _spend(report.spend)
    click.echo()
    click.echo(
        _wrapped(
            f"Definitions, version {report.version}: docs/code.md. --json has every number, its interval and what it "
            "rests on."
        )
    )


def _repository(one: Repository) -> None:
    name = screen.clean(one.names[0]) if len(one.names) == 1 else f"{len(one.names):,} repositories"
    since = f", lines born since {day(one.since)}" if one.since is not None else ""
    period = f"{day(one.first)} to {day(one.until)}{since}"
    click.echo(f"{click.style(name, bold=True)}: {one.commits:,} commits on main, {period}")
    click.echo(f"{one.added:,} lines added, {one.died:,} of them dead, {one.alive:,} alive")
    click.echo()
    click.echo(click.style("What could not be known", bold=True))
    for caveat in one.caveats:
        click.echo(_wrapped(screen.clean(caveat.text), "- "))
    _chart(one)
    _groups("MADE BY", {name: group for name, group in one.by_origin.items() if group.commits or group.added})
    _tools(one)
    _comparisons(one.comparisons)


def _tools(one: Repository) -> None:
    named = {name or "not said": group for name, group in one.by_tool.items()}
    if len(named) == 1:
        click.echo(f"All of ai is {next(iter(named))}.")
    elif named:
        _groups("AI TOOL", dict(list(named.items())[:MOST_TOOLS]))
        if len(named) > MOST_TOOLS:
            screen.words(f"{len(named) - MOST_TOOLS:,} more tools: --json has all of them")


def _groups(head: str, groups: Mapping[str, Group]) -> None:
    click.echo()
    screen.table(
        (head, "COMMITS", "ADDED", "ALIVE", "14 DAYS", "30 DAYS", "90 DAYS"),
        [
            (name, f"{one.commits:,}", f"{one.added:,}", f"{one.alive:,}", *_alive(one.survival))
            for name, one in groups.items()
        ],
        empty="No line was added.",
    )
    click.echo()
    screen.table(
        (head, "REWORK 14 D", "DELETED/ADDED", "REVERTED", "FIXED AFTER", "TO MERGE"),
        [
            (
                name, share(one.survival.rework14), "-" if one.churn_ratio is None else f"{one.churn_ratio:.2f}",
                share(one.reverted), share(one.fixed),
                "-" if one.cycle is None else f"{_hours(one.cycle.median_hours)} ({one.cycle.merges:,})",
            )
            for name, one in groups.items()
        ],
        empty="",
    )  # fmt: skip


def _comparisons(comparisons: Sequence[Comparison]) -> None:
    if not comparisons:
        return
    click.echo()
    head = click.style("Beside lines like them", bold=True)
    click.echo(f"{head}: same repository, period, language, age of file, size")
    shown = [one for one in comparisons if one.of == "ai" or not one.is_few][:MOST_COMPARISONS]
    rows: list[tuple[str, ...]] = []
    for one in shown:
        rows += [
            (one.of, *_alive(one.compared), share(one.compared.rework14), _ratio(one)),
            (f"  {one.beside}", *_alive(one.matched), share(one.matched.rework14), ""),
        ]
    if len(comparisons) > len(shown):
        screen.words(f"{len(comparisons) - len(shown):,} more, mostly of little: --json has all of them")
    screen.table(("", "14 DAYS", "30 DAYS", "90 DAYS", "REWORK 14 D", "HAZARD"), rows, empty="")
    click.echo(
        _wrapped(
            "Hazard: how many times as fast its lines die as those beneath; 1 within the bounds is no difference."
        )
    )


def _each(repositories: Sequence[Repository]) -> None:
    click.echo()
    rows: list[tuple[str, ...]] = []
    for one in repositories[:MOST_REPOSITORIES]:
        ai, human = one.by_origin["ai"], one.by_origin["human"]
        beside = next((beside for beside in one.comparisons if beside.of == "ai"), None)
        rows.append(
            (
                one.names[0], f"{one.added:,}", f"{ai.added / one.added:.0%}" if one.added else "-",
                share(ai.survival.s14), share(human.survival.s14 if beside is None else beside.matched.s14),
                "-" if beside is None else _ratio(beside),
            )
        )  # fmt: skip
    screen.table(("REPOSITORY", "ADDED", "AI", "AI 14 DAYS", "HUMAN 14 DAYS", "HAZARD"), rows, empty="")
    if len(repositories) > MOST_REPOSITORIES:
        screen.words(f"{len(repositories) - MOST_REPOSITORIES:,} more: --json has all of them")


def _spend(spend: Spend) -> None:
    sessions, total = sum(spend.sessions.values()), sum(spend.micros.values())
    cells = ", ".join(f"{cell} {money(micros)}" for cell, micros in sorted(spend.micros.items()))
    each = f"; {money(total // spend.standing)} for each commit that stands" if spend.standing else ""
    head = click.style("What it had cost", bold=True)
    click.echo()
    click.echo(_wrapped(f"{head}: {money(total)} in {sessions:,} sessions on this machine: {cells}{each}"))


# -- the chart ---------------------------------------------------------------------------


def _chart(one: Repository) -> None:
    """Lines of AI (a) beside human lines like them (h), or human lines alone."""
    beside = next((beside for beside in one.comparisons if beside.of == "ai" and not beside.is_few), None)
    curves = (
        {"a": beside.compared.curve, "h": beside.matched.curve}
        if beside
        else {
            mark: one.by_origin[origin].survival.curve
            for mark, origin in (("a", "ai"), ("h", "human"))
            if not one.by_origin[origin].survival.s14.is_few
        }
    )
    if not any(curves.values()):
        return
    click.echo()
    named = {"a": "AI", "h": "human lines like them" if beside else "human"}
    said = ", ".join(f"{mark} {named[mark]}" for mark in curves) + (", * both" if len(curves) > 1 else "")
    click.echo(click.style("Lines alive after so many days", bold=True) + f": {said}")
    for row in chart(curves, min(_width() - 13, MOST_COLUMNS)):
        click.echo(row)


def chart(curves: Mapping[str, Sequence[Point]], columns: int) -> list[str]:
    """Straight between the days that are known."""
    columns = max(columns, LEAST_COLUMNS)
    shares = {
        mark: [_between(curve, place * DAYS / (columns - 1)) for place in range(columns)]
        for mark, curve in curves.items()
    }
    least = min((value for line in shares.values() for value in line if value is not None), default=0.0)
    bottom = max(floor for floor in FLOORS if floor <= least)
    rows: list[str] = []
    for row in range(ROWS + 1):
        top = 1 - (1 - bottom) * row / ROWS
        label = f"{top:4.0%}" if row % 2 == 0 else "    "
        cells = [
            _cell([mark for mark, line in shares.items() if _row(line[place], bottom) == row])
            for place in range(columns)
        ]
        rows.append(f"{label} |{''.join(cells)}".rstrip())
    marks = {round(day * (columns - 1) / DAYS): str(day) for day in (0, 14, 30, 60, DAYS)}
    return [*rows, "     +" + "-" * columns, "      " + _axis(marks)]


def _between(curve: Sequence[Point], day: float) -> float | None:
    """The curve begins with every line alive."""
    known = [(0, 1.0), *((point.day, point.share) for point in curve)]
    for (left, before), (right, after) in pairwise(known):
        if left <= day <= right:
            return before + (after - before) * (day - left) / (right - left)
    return None if day else 1.0


def _row(value: float | None, bottom: float) -> int | None:
    return None if value is None else round((1 - value) / (1 - bottom) * ROWS)


def _cell(marks: Sequence[str]) -> str:
    return "*" if len(marks) > 1 else "".join(marks) or " "


def _axis(marks: Mapping[int, str]) -> str:
    line = ""
    for place, text in marks.items():
        line = line.ljust(place) + text
    return f"{line} days"


# -- words -------------------------------------------------------------------------------


def share(of: Share) -> str:
    """``81% 74-87``: with its 95 % interval."""
    if of.share is None or of.low is None or of.high is None:
        return "-"
    if of.is_few:
        return FEW
    return f"{of.share:.0%} {100 * of.low:.0f}-{100 * of.high:.0f}"


def _alive(survival: Survival) -> tuple[str, str, str]:
    return share(survival.s14), share(survival.s30), share(survival.s90)


def _ratio(one: Comparison) -> str:
    if one.is_few:
        return FEW
    if one.hazard_ratio is None:
        return "-"
    found = one.hazard_ratio
    high = "" if found.high is None or found.high > 99 else f"{found.high:.2f}"
    return f"{found.ratio:.2f} {found.low:.2f}-{high}"


def _hours(hours: float) -> str:
    return f"{hours / 24:.1f} d" if hours >= 48 else f"{hours:.1f} h"


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)


def _wrapped(text: str, first: str = "") -> str:
    return textwrap.fill(text, _width(), initial_indent=first, subsequent_indent=" " * len(first))
