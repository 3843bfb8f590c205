"""How ``meshclaw usage`` looks to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import click

from meshclaw.cli import screen
from meshclaw.cli.using import Looked
from meshclaw.flow.usage import Unread
from meshclaw.usage.report import Part, Report

BAR = 24
"""Characters of the longest bar."""
MOST_LINES = 40
MOST_UNREAD = 20
WHY = {
    "malformed": "no record that can be understood",
    "truncated": "half written; read again when it has grown",
    "too-long": "a line too long to hold",
    "clock": "a time that cannot be right; counted under it",
    "negative": "less than nothing; not counted",
    "locked": "in use by its tool; tried again at the next import",
    "denied": "this user may not read it",
    "unknown-field": "a field that is not understood; the rest was counted",
}


def show(report: Report, looked: Sequence[Looked], by: str, way: Mapping[str, Part]) -> None:
    if not report.totals.calls and not any(one.calls for one in looked):
        _nothing(looked)
        return
    totals = report.totals
    click.echo(
        f"{click.style(money(totals.cost_usd_micros), bold=True)} for {totals.calls:,} calls: "
        f"{short(totals.input_uncached)} input, {short(totals.cache_read)} from cache, "
        f"{short(totals.cache_write_5m + totals.cache_write_1h)} written to cache, {short(totals.output)} output tokens"
    )
    if report.guessed_usd_micros:
        click.echo(
            f"  {money(report.guessed_usd_micros)} of it at the dearest known price: meshclaw usage doctor"
        )
    click.echo()
    _chart(by, way)
    click.echo()
    click.echo("Where the cost belongs: " + _partition(report))
    for one in looked:
        if one.calls:
            click.echo(
                f"Read: {one.tool}, {one.files:,} files under {', '.join(one.found) or 'the names you gave'}"
            )
    if report.unread:
        count = sum(unread.count for unread in report.unread)
        screen.words(f"{count:,} places could not be read, or not wholly: meshclaw usage doctor")


def _nothing(looked: Sequence[Looked]) -> None:
    click.echo("No AI tool has left a record here. Looked for:")
    for one in looked:
        if one.folders:
            click.echo(f"  {one.tool:<12} {', '.join(one.folders)}")
    named = ", ".join(one.tool for one in looked if not one.folders)
    click.echo(f"Reports of {named} are read where you name them: meshclaw usage import --from TOOL FILE")


def _chart(by: str, way: Mapping[str, Part]) -> None:
    """The dearest lines, or of days the last ones; each bar is a share of the dearest line's cost."""
    lines = list(way.items())
    shown = lines[-MOST_LINES:] if by == "day" else lines[:MOST_LINES]
    most = max((part.totals.cost_usd_micros for _, part in shown), default=0)
    screen.table(
        (by.upper(), "CALLS", "INPUT", "CACHE READ", "WRITTEN", "OUTPUT", "COST", ""),
        [
            (
                name or "not said", f"{part.totals.calls:,}", short(part.totals.input_uncached),
                short(part.totals.cache_read), short(part.totals.cache_write_5m + part.totals.cache_write_1h),
                short(part.totals.output), money(part.totals.cost_usd_micros) + ("?" if part.is_guessed else ""),
                _bar(part.totals.cost_usd_micros, most),
            )
            for name, part in shown
        ],
        empty="Nothing in this period.",
    )  # fmt: skip
    if len(lines) > len(shown):
        screen.words(f"{len(lines) - len(shown):,} more: --json has all of them")


def _partition(report: Report) -> str:
    cells = [f"{cell} {money(micros)}" for cell, micros in report.partition.items() if micros]
    left = report.totals.cost_usd_micros - sum(report.partition.values())
    return ", ".join(cells or ["nothing"]) + (f"; {money(left)} is in none of them" if left else "")


def health(unread: Sequence[tuple[str, Unread]], guessed: Mapping[str, int], wrong: int, left: int) -> None:
    counts = Counter[tuple[str, str]]()
    for tool, one in unread:
        counts[tool, one.why] += one.count
    _verdict(
        not wrong,
        "sums",
        f"{wrong:,} are not what the calls add up to" if wrong else "they are what the calls add up to",
    )
    _verdict(not left, "partition", f"{money(left)} is in no cell" if left else "every cost is in one cell")
    names = ", ".join(f"{name or 'no name'} ({money(cost)})" for name, cost in guessed.items())
    _verdict(
        not guessed,
        "prices",
        f"priced as the dearest known model: {names}" if guessed else "every model has one",
    )
    _verdict(not unread, "records", "not all were read" if unread else "all were read")
    for (tool, why), count in counts.most_common():
        click.echo(f"  {tool}: {count:,} {why}, {WHY[why]}")
    for _, one in unread[:MOST_UNREAD]:
        what = f" {screen.clean(one.what)}" if one.what else ""
        times = f" ({one.count:,} times)" if one.count > 1 else ""
        click.echo(f"    {screen.clean(one.path)}:{one.line}: {one.why}{what}{times}")
    if len(unread) > MOST_UNREAD:
        screen.words(f"{len(unread) - MOST_UNREAD:,} more: --json has all of them")


def _verdict(is_well: bool, name: str, told: str) -> None:
    state, colour = ("ok", "green") if is_well else ("warning", "yellow")
    click.echo(f"{click.style(f'{state:<8}', fg=colour)} {name}: {told}")


def _bar(value: int, most: int) -> str:
    return "█" * max(1, -(-value * BAR // most)) if value > 0 and most > 0 else ""


def money(micros: int) -> str:
    """Dollars and cents, or enough digits to see that it is not nothing."""
    return f"${micros / 1e6:,.2f}" if not micros or abs(micros) >= 10_000 else f"${micros / 1e6:.6f}"


def short(count: int) -> str:
    """Three digits and a letter: ``2.86 G``; ``--json`` has every digit."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            value = count / size
            return f"{value:.2f} {letter}" if value < 100 else f"{value:,.0f} {letter}"
    return str(count)
